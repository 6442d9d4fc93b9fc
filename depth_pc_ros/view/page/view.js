// The page of a LiveView: shows what the server sends, and presses its buttons.
//
// The page asks for each message with the names of the pictures that it shows, and asks again once these are drawn.
import { Plots } from "./plots.js";

const STALE_S = 2;         // a status this old is not the present state
const OLD_IMAGE_S = 1.5;   // a live image this old is not the present view
const ANSWER_WITHIN_MS = 7000; // the server itself gives up before
const RECONNECT_MS = 1000;

const element = (id) => document.getElementById(id);
const figures = [...document.querySelectorAll("figure")];
const plots = new Plots(element("plots"));
let socket = null;
let last = null;           // newest message
let lastMs = 0;            // when it came

// The connection

function connect() {
  socket = new WebSocket(Object.assign(new URL("live", location.href), { protocol: "ws:", search: "" }));
  socket.binaryType = "arraybuffer";
  socket.onmessage = async (event) => {
    if (typeof event.data === "string") {
      begin(JSON.parse(event.data));
    } else {
      await show(event.data);
    }
    ask();
  };
  socket.onclose = () => {
    last = null;
    showState();
    setTimeout(connect, RECONNECT_MS);
  };
}

function ask() {
  if (socket.readyState === WebSocket.OPEN) {
    socket.send(document.hidden ? "" : figures.filter(isWanted).map((figure) => figure.dataset.picture).join(" "));
  }
}

function isWanted(figure) {
  return figure.dataset.picture !== "depth" || element("depth").checked;
}

// What the server offers: its buttons, and how each state is coloured.
function begin({ buttons, states }) {
  for (const button of document.querySelectorAll("footer button")) {
    button.hidden = !buttons.includes(button.id);
  }
  plots.begin(states.map(([, kind]) => kind));
}

// The length of the JSON in 4 bytes, the JSON, the JPEG files that it names.
async function show(data) {
  const size = new DataView(data).getUint32(0, true);
  last = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, size)));
  lastMs = performance.now();
  let start = 4 + size;
  const drawn = [];
  for (const [name, bytes] of last.pictures) {
    drawn.push(showPicture(name, new Uint8Array(data, start, bytes)));
    start += bytes;
  }
  plots.add(last.samples, last.now_s);
  showState();
  await Promise.all(drawn);
  const body = document.body.dataset;
  body.messages = Number(body.messages ?? 0) + 1;
}

async function showPicture(name, bytes) {
  const figure = figures.find((each) => each.dataset.picture === name);
  if (figure === undefined || !isWanted(figure)) {
    return; // it was asked for a moment ago
  }
  figure.classList.toggle("has-picture", bytes.length > 0);
  if (bytes.length > 0) {
    const image = figure.querySelector("img");
    const old = image.src;
    image.src = URL.createObjectURL(new Blob([bytes], { type: "image/jpeg" }));
    await image.decode().catch(() => {}); // the next one has come
    URL.revokeObjectURL(old);
    figure.dataset.shown = Number(figure.dataset.shown ?? 0) + 1;
  }
}

// The state, and how old it is

function showState() {
  const since_s = (performance.now() - lastMs) / 1000;
  const reading = last?.reading;
  const silent_s = last === null ? Infinity : (last.silent_s ?? Infinity) + since_s;
  const [text, kind, message] = presentState(reading, silent_s);
  element("state").textContent = text;
  element("state").className = kind;
  element("message").textContent = message;
  element("error").textContent = kind === "lost" || reading.error_px === null ? "" : `${reading.error_px.toFixed(2)} px`;
  if (last !== null) {
    element("title").textContent = document.title = last.title;
  }
  showFacts(kind === "lost" ? {} : reading.facts);
  const age_s = last?.live_age_s === undefined || last.live_age_s === null ? 0 : last.live_age_s + since_s;
  const live = figures[0];
  live.classList.toggle("is-old", last === null || age_s > OLD_IMAGE_S);
  const old = age_s > OLD_IMAGE_S ? `no new image for ${age_s.toFixed(0)} s` : "";
  live.querySelector(".old").textContent = last?.note || old;
}

function presentState(reading, silent_s) {
  if (last === null) {
    return ["NO CONNECTION", "lost", "The page's server does not answer. The servo may still move the arm."];
  }
  if (!reading) {
    return ["NO STATUS", "lost", "Nothing has come from the controller yet: is it running, in this namespace?"];
  }
  if (silent_s > STALE_S) {
    return ["NO STATUS", "lost", `The controller has been silent for ${silent_s.toFixed(0)} s; it was ${reading.state}.`];
  }
  return [reading.state, reading.kind, reading.message];
}

function showFacts(facts) {
  const rows = Object.entries(facts).flatMap(([name, text]) => {
    const row = [document.createElement("dt"), document.createElement("dd")];
    row[0].textContent = name;
    row[1].textContent = text;
    return row;
  });
  element("facts").replaceChildren(...rows);
}

// The buttons

async function press(name) {
  tell(`${name} ...`, true);
  try {
    const answer = await fetch(`do/${name}`, { method: "POST", signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
    if (!answer.ok) {
      throw new Error(await answer.text());
    }
    const { done, text } = await answer.json();
    tell(done ? `${name}: ${text}` : failed(name, text), done);
  } catch (error) {
    tell(failed(name, error.name === "TimeoutError" ? "no answer from the page's server" : error.message), false);
  }
}

function failed(name, reason) {
  return name === "stop" ? `STOP FAILED: ${reason}\nUse the emergency stop.` : `${name} failed: ${reason}`;
}

function tell(text, done) {
  element("answer").textContent = text;
  element("answer").className = done ? "" : "failed";
}

for (const name of ["capture", "enable"]) {
  element(name).addEventListener("click", () => press(name));
}
element("stop").addEventListener("pointerdown", () => press("stop")); // not only when the finger leaves it
element("stop").addEventListener("click", (event) => event.detail === 0 && press("stop"));

// Space and Escape stop, whatever has the focus: Space would press a focused button.
for (const type of ["keydown", "keyup"]) {
  window.addEventListener(type, (event) => {
    if ((event.code === "Space" || event.key === "Escape") && !element("stop").hidden) {
      event.preventDefault();
      event.stopPropagation();
      if (type === "keydown" && !event.repeat) {
        press("stop");
      }
    }
  }, true);
}

for (const choice of document.querySelectorAll("input[name=compare]")) {
  choice.addEventListener("change", () => {
    element("compare").dataset.picture = choice.value;
    element("compare").classList.remove("has-picture");
  });
}
element("depth").addEventListener("change", () => {
  document.querySelector("[data-picture=depth]").classList.remove("has-picture");
});

setInterval(showState, 250);
connect();
