// The way to the service: a token where it asks for one, errors as sentences.

import { t } from "./language.js";

const TOKEN = "pneumoscope.token";
let token = sessionStorage.getItem(TOKEN) ?? "";
let asking = null; // one question at a time, however many requests wait for its answer
let ask = async () => null;

/** An answer other than the one asked for; `status` 0 where there was none. */
export class ServiceError extends Error {
  constructor(status, words, { again = null } = {}) {
    super(typeof words === "function" ? words() : words);
    this.status = status;
    this.again = again; // seconds after which to come again
    this.say = typeof words === "function" ? words : () => words;
  }
}

/** `question(wrong)` resolves to a token, or to null if none is given. */
export function askTokenWith(question) {
  ask = question;
}

export function hasToken() {
  return token !== "";
}

/** A path of the service, relative to the page, so that a proxy may put both below a folder. */
export function here(path) {
  return path.replace(/^\//, "");
}

export async function getJson(path) {
  return (await get(path)).json();
}

/** The answer to a GET; throws `ServiceError`. */
export function get(path) {
  return withToken(async () => {
    const response = await reach(path, {});
    if (!response.ok) throw await failure(response);
    return response;
  });
}

/** Asks the service to forget a reading; whether it could does not matter here. */
export async function forget(reading) {
  await reach(reading.links.self, { method: "DELETE", keepalive: true }).catch(() => null);
}

/** The reading of `file`; `progress(share)` tells how much of it is sent, 1 that all is. */
export function sendFilm(file, progress, signal) {
  return withToken(async () => {
    const answer = await post(file, progress, signal);
    const body = parsed(answer.text);
    if (answer.status === 200) return body.readings[0];
    const again = answer.status === 503 ? seconds(answer.again) : null;
    throw new ServiceError(answer.status, body?.error ?? statusWords(answer.status), { again });
  });
}

async function reach(path, options) {
  try {
    return await fetch(here(path), { ...options, headers: authorization(), cache: "no-store" });
  } catch {
    throw new ServiceError(0, () => t("unreachable"));
  }
}

async function failure(response) {
  const body = parsed(await response.text());
  return new ServiceError(response.status, body?.error ?? statusWords(response.status));
}

// fetch() tells nothing of how much has been sent.
function post(file, progress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const form = new FormData();
    form.append("files", file, file.name);
    request.open("POST", here("/v1/readings"));
    for (const [name, value] of Object.entries(authorization()))
      request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => progress(event.loaded / Math.max(event.total, 1));
    request.upload.onload = () => progress(1);
    request.onload = () =>
      resolve({
        status: request.status,
        text: request.responseText,
        again: request.getResponseHeader("Retry-After"),
      });
    request.onerror = () => reject(new ServiceError(0, () => t("unreachable")));
    request.onabort = () => reject(new DOMException("removed", "AbortError"));
    signal.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}

async function withToken(act) {
  for (;;) {
    const used = token;
    try {
      return await act();
    } catch (error) {
      if (error.status !== 401) throw error;
      if (token !== used) continue; // another request has got a new one meanwhile
      asking ??= ask(used !== "").finally(() => (asking = null));
      const given = await asking;
      if (given === null) throw new ServiceError(401, () => t("no_token"));
      token = given;
      sessionStorage.setItem(TOKEN, token);
    }
  }
}

function authorization() {
  return token === "" ? {} : { Authorization: `Bearer ${token}` };
}

function statusWords(status) {
  return () => t("answer", { status });
}

function seconds(retryAfter) {
  const given = Number.parseInt(retryAfter ?? "", 10);
  return Number.isFinite(given) ? Math.min(Math.max(given, 1), 120) : 2;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
