// The list of films and their way to the service: a few at a time, waiting while it is full.

import { ServiceError, forget, sendFilm } from "./api.js";
import { t } from "./language.js";

const AT_ONCE = 4; // browsers hold six connections to a host, and pictures need one too
const DONE = new Set(["read", "refused", "failed"]);

/**
 * Films in the order of their coming. `changed(film)` is called when one says something new
 * (film null: the list itself changed).
 *
 * A film: { key, file, name, sample, state, sent, reading, error, abort }, where state is waiting,
 * sending, in_work, read, refused or failed.
 */
export class Queue {
  constructor(changed) {
    this.films = [];
    this.limits = null; // of the service, once it has told them
    this.until = 0; // when the service may be asked again, on performance.now()'s clock
    this.changed = changed;
    this.sending = 0;
    this.next = 0;
    this.keys = 0;
  }

  add(files) {
    for (const { file, sample = null } of files)
      this.films.push({
        key: ++this.keys, file, sample, name: file.name,
        state: "waiting", sent: 0, reading: null, error: null, abort: new AbortController(),
      });
    this.changed(null);
    this.go();
  }

  remove(film) {
    const index = this.films.indexOf(film);
    if (index < 0) return;
    this.films.splice(index, 1);
    if (index < this.next) this.next -= 1;
    film.abort.abort();
    if (film.reading) forget(film.reading);
    this.changed(null);
  }

  clear() {
    const films = this.films;
    this.films = [];
    this.next = 0;
    for (const film of films) {
      film.abort.abort();
      if (film.reading) forget(film.reading);
    }
    this.changed(null);
  }

  /** Sends a film that failed once more. */
  again(film) {
    film.state = "waiting";
    film.error = null;
    this.next = Math.min(this.next, this.films.indexOf(film));
    this.changed(film);
    this.go();
  }

  /** Seconds until the service is asked again; 0 if it is not full. */
  get wait() {
    return Math.max(0, Math.ceil((this.until - performance.now()) / 1000));
  }

  count() {
    const count = { all: this.films.length, done: 0, read: 0, refused: 0, failed: 0 };
    for (const film of this.films) {
      if (DONE.has(film.state)) count.done += 1;
      if (film.state in count) count[film.state] += 1;
    }
    return count;
  }

  go() {
    while (this.sending < AT_ONCE && this.wait === 0) {
      while (this.films[this.next] && this.films[this.next].state !== "waiting") this.next += 1;
      const film = this.films[this.next];
      if (!film) return;
      this.next += 1;
      this.sending += 1;
      this.send(film).finally(() => {
        this.sending -= 1;
        this.go();
      });
    }
  }

  async send(film) {
    const say = (state, more) => {
      Object.assign(film, { state }, more);
      if (!film.abort.signal.aborted) this.changed(film);
    };
    try {
      const no = this.refusal(film.file);
      if (no) throw no;
      say("sending", { sent: 0 });
      const progress = (share) => say(share < 1 ? "sending" : "in_work", { sent: share });
      const reading = await sendFilm(film.file, progress, film.abort.signal);
      if (film.abort.signal.aborted) forget(reading);
      else say(reading.status, { reading, name: reading.name });
    } catch (error) {
      if (error.name === "AbortError") return;
      if (error.again) this.hold(film, error.again, say);
      else say("failed", { error: await told(error, film.file) });
    }
  }

  /** What the service would turn away is not sent. */
  refusal(file) {
    const most = this.limits?.bytes_per_film ?? Infinity;
    if (file.size <= most) return null;
    const size = (file.size / 2 ** 20).toFixed(1);
    return new ServiceError(413, () => t("too_large", { size, most: most / 2 ** 20 }));
  }

  hold(film, seconds, say) {
    this.until = Math.max(this.until, performance.now() + 1000 * seconds);
    this.next = Math.min(this.next, Math.max(this.films.indexOf(film), 0));
    say("waiting", { sent: 0 });
    setTimeout(() => this.go(), 1000 * seconds + 20);
  }
}

/** The error to show: a file that has vanished looks like a service that cannot be reached. */
async function told(error, file) {
  if (error.status !== 0) return error;
  try {
    await file.slice(0, 1).arrayBuffer();
    return error;
  } catch {
    return new ServiceError(0, () => t("not_a_file"));
  }
}
