"""The routes as a client sees them, and what becomes of bad input at this door."""

from __future__ import annotations

import csv
import gzip
import io
import logging
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

import films
from conftest import SAMPLE
from pneumoscope.inference.bundle import load_bundle
from pneumoscope.inference.reader import Reader
from pneumoscope.serve import messages
from pneumoscope.serve.app import create_app
from pneumoscope.serve.samples import SAMPLES
from pneumoscope.serve.service import Service
from serving import bundle_path, film, small

__all__ = ["bundle_path"]


@pytest.fixture(scope="module")
def client(bundle_path: Path) -> Iterator[TestClient]:
    service = Service(Reader(load_bundle(bundle_path)), limits=small())
    with TestClient(create_app(service), "http://localhost") as made:
        yield made
    service.close()


def post(client: TestClient, *sent: tuple[str, bytes]) -> list[messages.FilmReading]:
    answer = client.post("/v1/readings", files=[("files", each) for each in sent])
    assert answer.status_code == 200, answer.text
    return messages.Readings.model_validate(answer.json()).readings


def test_one_and_many_films_are_read_in_their_order(client: TestClient) -> None:
    sent = [(f"{at}.png", film(at)) for at in (2.0, -2.0, 0.5)]
    readings = post(client, *sent, ("no.png", b"no film"))
    assert [each.name for each in readings] == ["2.0.png", "-2.0.png", "0.5.png", "no.png"]
    assert [each.call for each in readings] == ["PNEUMONIA", "NORMAL", "PNEUMONIA", None]
    assert readings[3].reason == "not a JPEG, PNG, TIFF or DICOM file"
    assert readings[3].links.film is None
    raw = client.post(
        "/v1/readings?name=a/b.png", content=sent[0][1], headers={"Content-Type": "image/png"}
    )
    (alone,) = raw.json()["readings"]
    assert alone["name"] == "b.png"
    assert alone["logit"] == pytest.approx(readings[0].logit, abs=1e-5)
    again = client.get(readings[0].links.self)
    assert again.json() == readings[0].model_dump()


def test_the_same_film_twice_is_two_readings(client: TestClient) -> None:
    one, two = post(client, ("a.png", film()), ("a.png", film()))
    assert one.id != two.id
    assert (one.logit, one.name) == (two.logit, two.name)


def test_film_and_evidence_lie_over_each_other(client: TestClient) -> None:
    path = min((SAMPLE / "test" / "NORMAL").iterdir())
    shown = Image.open(path).crop((0, 20, 224, 200))
    (reading,) = post(client, ("a.png", films.encoded(np.asarray(shown), "png")))
    assert reading.links.film
    assert reading.links.evidence
    picture = client.get(reading.links.film)
    assert picture.headers["content-type"] == "image/png"
    seen = Image.open(io.BytesIO(picture.content))
    assert (seen.mode, seen.size) == ("L", (224, 180))
    np.testing.assert_array_equal(np.asarray(seen), np.asarray(shown.convert("L")))
    over = client.get(reading.links.evidence)
    laid = Image.open(io.BytesIO(over.content))
    assert (laid.mode, laid.size) == ("RGBA", seen.size)
    assert float(over.headers["evidence-limit"]) > 0
    assert over.headers["evidence-method"] == "occlusion"


def test_a_reading_is_forgotten_when_asked(client: TestClient) -> None:
    (reading,) = post(client, ("a.png", film()))
    links = reading.links
    assert client.delete(links.self).status_code == 204
    assert client.delete(links.self).status_code == 404
    for link in (links.self, links.film, links.evidence, links.page):
        answer = client.get(str(link))
        assert answer.status_code == 404
        assert "forgotten" in messages.Problem.model_validate(answer.json()).error


def test_a_refused_film_has_a_page_and_no_picture(client: TestClient) -> None:
    (reading,) = post(client, ("a.png", b"nothing"))
    assert client.get(f"{reading.links.self}/film").status_code == 404
    assert client.get(f"{reading.links.self}/evidence").status_code == 404
    page = client.get(reading.links.page, params={"lang": "ko"})
    assert page.status_code == 200
    assert '<html lang="ko">' in page.text
    assert client.get(reading.links.page, params={"lang": "fr"}).status_code == 422


def test_the_list_comes_as_a_table(client: TestClient) -> None:
    one, two = post(client, ("a.png", film()), ("b.png", b"nothing"))
    answer = client.get("/v1/readings.csv", params={"ids": f"{two.id},unknown,{one.id}"})
    assert "attachment" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["id"], row["name"], row["status"]) for row in rows] == [
        (two.id, "b.png", "refused"),
        (one.id, "a.png", "read"),
    ]
    assert client.get("/v1/readings.csv").status_code == 422


def test_samples_can_be_posted(client: TestClient) -> None:
    listed = messages.Samples.model_validate(client.get("/v1/samples").json())
    assert [each.name for each in listed.samples] == list(SAMPLES)
    assert "CC BY 4.0" in listed.attribution
    sample = listed.samples[0]
    answer = client.get(sample.url)
    assert answer.headers["content-type"] == "image/jpeg"
    (reading,) = post(client, (sample.name, answer.content))
    assert reading.status == "read"
    assert client.get("/v1/samples/none.jpeg").status_code == 404
    assert client.get("/v1/samples/__init__.py").status_code == 404


def test_health_metrics_and_page_answer(client: TestClient) -> None:
    for path in ("/healthz", "/readyz"):
        assert client.get(path).json() == {"status": "ok"}
    post(client, ("a.png", film()))
    counted = client.get("/metrics").text
    assert re.search(r'pneumoscope_films_total\{status="read"\} [1-9]', counted)
    assert 'route="/v1/readings"' in counted
    assert "a.png" not in counted
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert page.text.count("Not a medical device") <= 1
    assert client.get("/static/index.html").status_code == 200
    assert client.get("/static/../app.py").status_code == 404
    assert client.get("/static/%2e%2e/app.py").status_code == 404


def zip_bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("film.png", bytes(50 * 2**20))
    return out.getvalue()


_JPEG = films.encoded(films.picture(), "jpeg")
BAD = {
    "empty": (b"", "the file is empty"),
    "truncated JPEG": (_JPEG[: len(_JPEG) // 2], "truncated"),
    "truncated PNG": (film()[:-200], "truncated"),
    "text": (b"plain text", "not a JPEG"),
    "zip bomb": (zip_bomb(), "not a JPEG"),
    "gzip bomb": (gzip.compress(bytes(50 * 2**20)), "not a JPEG"),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"><script>x</script></svg>', "not a JPEG"),
    "HTML": (b"<!doctype html><script>alert(1)</script>", "not a JPEG"),
    "JPEG bomb": (films.jpeg_of_size(60000, 60000), "megapixels"),
    "PNG bomb": (films.png_of_size(20_000, 20_000), "megapixels"),
    "TIFF bomb": (films.tiff_of_size(100_000, 100_000), "megapixels"),
    "CT": (films.dicom(films.picture(), Modality="CT"), "modality CT"),
    "hand": (films.dicom(films.picture(), BodyPartExamined="HAND"), "body part HAND"),
    "lateral": (films.dicom(films.picture(), ViewPosition="LL"), "view LL"),
    "colour": (films.encoded(films.coloured(), "jpeg"), "a colour picture"),
    "black": (films.encoded(np.zeros((90, 90), np.uint8), "png"), "blank"),
    "tiny": (films.encoded(films.picture(20, 20), "png"), "too small"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_film_is_a_reading_with_its_reason_and_poisons_no_other(
    client: TestClient, name: str
) -> None:
    data, reason = BAD[name]
    before, bad, after = post(client, ("a.png", film()), ("film.png", data), ("b.png", film()))
    assert (bad.status, bad.probability, bad.call) == ("refused", None, None)
    assert bad.reason is not None
    assert reason in bad.reason
    assert before.status == after.status == "read"
    assert before.logit == pytest.approx(after.logit, abs=1e-6)


def test_names_are_shown_without_folders(client: TestClient) -> None:
    (reading,) = post(client, ("../../etc/cron.d/a.png", film()))
    assert reading.name == "a.png"
    assert client.get("/v1/readings/..%2f..%2fetc%2fpasswd").status_code == 404


def test_nothing_of_a_film_is_logged(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        dicom = films.dicom(films.picture(), PatientName="Kim^Minsu", PatientID="P-4711")
        read, refused = post(client, ("Kim-Minsu.dcm", dicom), ("Kim-Minsu.txt", b"P-4711"))
        for link in (read.links.page, read.links.film, refused.links.page):
            client.get(str(link))
        client.get("/v1/readings/Kim-Minsu", params={"ids": "P-4711"})
    ours = "\n".join(
        record.getMessage() for record in caplog.records if not record.name.startswith("httpx")
    )
    assert "POST /v1/readings 200" in ours
    for secret in ("Kim", "4711", read.id, refused.id):
        assert secret not in ours


def test_every_answer_carries_the_security_headers(client: TestClient) -> None:
    for path in ("/", "/v1/bundle", "/healthz", "/nothing", "/v1/readings/none/page"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert "server" not in headers
    assert client.get("/v1/bundle").headers["cache-control"] == "no-store"
