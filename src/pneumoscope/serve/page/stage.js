// Where the film lies on the stage: zoom and place, by mouse, fingers and keys.

const MOST = 16; // times the size at which the film fits

/** Moves `film` (an element of the picture's size) on `stage`; `moved()` is told afterwards. */
export class Stage {
  constructor(stage, film, { windowed, moved }) {
    this.stage = stage;
    this.film = film;
    this.windowed = windowed; // (dx, dy): a drag in pixels that is meant for the window
    this.moved = moved;
    this.tool = matchMedia("(pointer: coarse)").matches ? "move" : "window";
    this.pointers = new Map();
    this.size = null;
    this.fit();
    stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    stage.addEventListener("pointerdown", (event) => this.down(event));
    stage.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"])
      stage.addEventListener(end, (event) => this.pointers.delete(event.pointerId));
    stage.addEventListener("dblclick", () => this.fit());
    stage.addEventListener("auxclick", (event) => event.preventDefault());
    new ResizeObserver(() => this.place()).observe(stage);
  }

  /** A picture of `size` { width, height } lies on the stage, or none (null). */
  show(size) {
    this.size = size;
    this.fit();
  }

  fit() {
    this.zoom = 1;
    this.x = 0; // from the middle of the stage to that of the film, pixels
    this.y = 0;
    this.place();
  }

  /** Zooms by `factor` around a place on the stage (from its middle; by default there). */
  zoomBy(factor, x = 0, y = 0) {
    const zoom = Math.min(Math.max(this.zoom * factor, 1), MOST);
    const ratio = zoom / this.zoom;
    this.x = x - (x - this.x) * ratio;
    this.y = y - (y - this.y) * ratio;
    this.zoom = zoom;
    this.place();
  }

  moveBy(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.place();
  }

  setTool(tool) {
    this.tool = tool;
    this.place();
  }

  /** Stage pixels for one of the film's. */
  get scale() {
    if (!this.size) return 1;
    const { clientWidth, clientHeight } = this.stage;
    return this.zoom * Math.min(clientWidth / this.size.width, clientHeight / this.size.height);
  }

  place() {
    if (this.size) {
      const scale = this.scale;
      const { width, height } = this.size;
      // The film never leaves the stage wholly, and stands in the middle where it fits.
      const room = (film, stage) => Math.max((film * scale - stage) / 2, 0);
      const [across, down] = [room(width, this.stage.clientWidth), room(height, this.stage.clientHeight)];
      this.x = Math.min(Math.max(this.x, -across), across);
      this.y = Math.min(Math.max(this.y, -down), down);
      const style = this.film.style;
      style.width = `${width * scale}px`;
      style.height = `${height * scale}px`;
      style.transform = `translate(-50%, -50%) translate(${this.x}px, ${this.y}px)`;
    }
    // A finger scrolls the page over a film that fits, and moves one that does not.
    const mine = this.size && (this.zoom > 1 || this.tool === "window");
    this.stage.style.touchAction = mine ? "none" : "pan-y";
    this.stage.dataset.tool = this.size ? this.tool : "";
    this.moved();
  }

  wheel(event) {
    if (!this.size) return;
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    this.zoomBy(Math.exp(-event.deltaY * lines * 0.0018), ...this.from(event));
  }

  down(event) {
    if (!this.size || event.button === 2) return;
    if (event.button === 1) event.preventDefault();
    this.stage.setPointerCapture(event.pointerId);
    const moves = event.button === 1 || event.shiftKey;
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY, moves });
  }

  move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = { ...before, x: event.clientX, y: event.clientY };
    const [dx, dy] = [now.x - before.x, now.y - before.y];
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    this.pointers.set(event.pointerId, now);
    if (other) this.pinch(before, now, other);
    else if (this.tool === "window" && !before.moves) this.windowed(dx, dy);
    else this.moveBy(dx, dy);
  }

  pinch(before, now, other) {
    const apart = (finger) => Math.hypot(finger.x - other.x, finger.y - other.y);
    const middle = { clientX: (now.x + other.x) / 2, clientY: (now.y + other.y) / 2 };
    this.zoomBy(apart(now) / Math.max(apart(before), 1), ...this.from(middle));
    this.moveBy((now.x - before.x) / 2, (now.y - before.y) / 2);
  }

  from({ clientX, clientY }) {
    const box = this.stage.getBoundingClientRect();
    return [clientX - box.left - box.width / 2, clientY - box.top - box.height / 2];
  }
}
