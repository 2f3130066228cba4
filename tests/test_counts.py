from pneumoscope.serve.counts import Counts


def test_what_happens_is_counted() -> None:
    counts = Counts()
    counts.request("POST", "/v1/readings", 200, 0.2)
    counts.request("POST", "/v1/readings", 503, 0.0)
    for status in ("read", "read", "refused"):
        counts.film(status)
    counts.batch(3, 0.1)
    text = counts.text().decode()
    request = 'pneumoscope_requests_total{method="POST",route="/v1/readings",status="503"} 1.0'
    assert request in text
    assert 'pneumoscope_films_total{status="read"} 2.0' in text
    assert "pneumoscope_batch_films_sum 3.0" in text


def test_two_services_count_apart() -> None:
    one, two = Counts(), Counts()
    one.film("read")
    assert 'status="read"' not in two.text().decode()
