// Curves of the last minutes on a canvas: error, speeds, and a band with the colours of the states.

const WINDOW_S = 60;
const LEFT = 52, RIGHT = 52, GAP = 26, BAND = 12, BOTTOM = 20;
const BLUE = "#60a5fa", ORANGE = "#fb923c", GREEN = "#4ade80", GREY = "#9ca3af", LINE = "#374151";

export class Plots {
  constructor(canvas) {
    this.canvas = canvas;
    this.kinds = [];
    this.samples = []; // [time s, error px, speed mm/s, angular speed deg/s, state]
    this.now_s = 0;
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  // kinds: how each state is coloured, by its number.
  begin(kinds) {
    this.kinds = kinds;
    this.samples = [];
  }

  add(samples, now_s) {
    this.samples.push(...samples);
    this.now_s = now_s;
    while (this.samples.length > 2 && this.samples[1][0] < now_s - WINDOW_S) {
      this.samples.shift();
    }
    this.canvas.dataset.samples = this.samples.length;
    this.draw();
  }

  draw() {
    const scale = window.devicePixelRatio, width = this.canvas.clientWidth, height = this.canvas.clientHeight;
    this.canvas.width = Math.round(scale * width);
    this.canvas.height = Math.round(scale * height);
    const pen = this.canvas.getContext("2d");
    pen.scale(scale, scale);
    pen.font = "12px system-ui, 'DejaVu Sans', sans-serif";
    const rowHeight = (height - BOTTOM - BAND - 2 * GAP - 8) / 2;
    const left = LEFT, right = width - RIGHT;
    const x = (t_s) => right - ((this.now_s - t_s) / WINDOW_S) * (right - left);
    const row = (index) => ({ top: GAP + index * (rowHeight + GAP), bottom: GAP + index * (rowHeight + GAP) + rowHeight });
    this.curve(pen, x, row(0), { column: 1, colour: GREEN, name: "error, px", log: true, left, right });
    this.curve(pen, x, row(1), { column: 2, colour: BLUE, name: "speed, mm/s", left, right });
    this.curve(pen, x, row(1), { column: 3, colour: ORANGE, name: "°/s", left, right, onRight: true });
    this.band(pen, x, height - BOTTOM - BAND, left, right);
    pen.fillStyle = GREY;
    pen.textAlign = "center";
    for (const ago_s of [60, 40, 20, 0]) {
      pen.fillText(ago_s ? `-${ago_s} s` : "now", x(this.now_s - ago_s), height - 5);
    }
  }

  curve(pen, x, { top, bottom }, { column, colour, name, left, right, log = false, onRight = false }) {
    const values = this.samples.map((sample) => sample[column]).filter((value) => value !== null && !(log && value <= 0));
    const [low, high] = log ? decades(values) : [0, nice(Math.max(...values, 0))];
    const place = log ? Math.log10 : (value) => value;
    const y = (value) => bottom - ((place(value) - place(low)) / (place(high) - place(low))) * (bottom - top);
    pen.strokeStyle = LINE;
    pen.strokeRect(left, top, right - left, bottom - top);
    pen.fillStyle = colour;
    pen.textAlign = onRight ? "left" : "right";
    for (const tick of log ? powers(low, high) : [low, high / 2, high]) {
      pen.fillText(`${Number(tick.toPrecision(2))}`, onRight ? right + 5 : left - 5, y(tick) + 4);
    }
    pen.textAlign = onRight ? "right" : "left";
    pen.fillText(name, onRight ? right : left, top - 6);
    pen.save();
    pen.beginPath();
    pen.rect(left, top - 2, right - left, bottom - top + 4);
    pen.clip();
    pen.beginPath();
    pen.strokeStyle = colour;
    pen.lineWidth = 1.6;
    let down = false;
    for (const sample of this.samples) {
      const value = sample[column];
      if (value === null || (log && value <= 0)) {
        down = false;
      } else if (down) {
        pen.lineTo(x(sample[0]), y(value));
      } else {
        pen.moveTo(x(sample[0]), y(value));
        down = true;
      }
    }
    pen.stroke();
    pen.restore();
  }

  band(pen, x, top, left, right) {
    const colours = getComputedStyle(document.documentElement);
    this.samples.forEach(([t_s, , , , state], index) => {
      const end_s = this.samples[index + 1]?.[0] ?? this.now_s;
      const begin = Math.max(x(t_s), left);
      pen.fillStyle = colours.getPropertyValue(`--${this.kinds[state]}`);
      pen.fillRect(begin, top, Math.min(x(end_s), right) - begin + 0.5, BAND);
    });
    pen.fillStyle = GREY;
    pen.textAlign = "right";
    pen.fillText("state", left - 5, top + BAND - 2);
  }
}

// The whole decades around the values.
function decades(values) {
  if (values.length === 0) {
    return [0.1, 10];
  }
  const low = Math.floor(Math.log10(Math.min(...values))), high = Math.ceil(Math.log10(Math.max(...values)));
  return [10 ** low, 10 ** Math.max(high, low + 1)];
}

function powers(low, high) {
  const first = Math.round(Math.log10(low)), last = Math.round(Math.log10(high));
  return Array.from({ length: last - first + 1 }, (_, index) => 10 ** (first + index));
}

// 1, 2 or 5 times a power of ten, not below the value.
function nice(value) {
  if (value <= 0) {
    return 1;
  }
  const power = 10 ** Math.floor(Math.log10(value));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= value * 0.999);
}
