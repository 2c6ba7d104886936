// The page: one model's view of a story or two side by side, the step looked at, and,
// where a server answers, the form. What is asked stands in the address, so that the
// browser's buttons, a bookmark and a reload do what one expects.

const data = JSON.parse(document.getElementById("data").textContent);
const byId = id => document.getElementById(id);
let views = [], current = -1, held = false;

// Shows readings, and the step that is held; without one, that looked at before in the
// same words, or the first answer.
function show(readings, step) {
  const same = views[0]?.content.words.join(" ") === readings[0].words.join(" ");
  byId("minds").replaceChildren();
  byId("minds").classList.toggle("two", readings.length > 1);
  views = readings.map(content => new View(content, byId("minds"), point));
  byId("title").textContent = document.title = readings[0].title;
  layOut();
  for (const part of ["story", "plots"]) scrollTogether(views.map(view => view[part]));
  held = step !== undefined && step < views[0].count;
  const first = Object.keys(readings[0].top).map(Number)[0] ?? 0;
  const wanted = held ? step : same ? current : first;
  current = -1;
  select(wanted);
  views.forEach(view => view.bringIntoView(wanted));
}

// Side by side, the same things stand at the same height and scroll together, also if
// one model has fewer slots or heads.
function layOut() {
  const words = Math.max(...views.map(view => view.wordsRoom()));
  const rooms = new Map(), tops = new Map();
  for (const [title, room] of views.map(view => view.panelRooms())
    .sort((one, other) => other.length - one.length).flat())
    rooms.set(title, Math.max(room, rooms.get(title) ?? 0));
  let top = words;
  for (const [title, room] of rooms) {
    tops.set(title, top);
    top += titleHeight + room + gap;
  }
  views.forEach(view => view.layOut(words, tops, top));
}

function select(step) {
  if (step < 0 || step === current) return;
  current = step;
  views.forEach(view => view.show(step));
}

// A step was pointed at; with `hold` it was clicked: a second click lets it go.
function point(step, hold) {
  if (step < 0 || (held && !hold)) return;
  if (hold) {
    held = !(held && step === current);
    noteStep(held ? step : undefined);
  }
  select(step);
}

document.addEventListener("keydown", event => {
  if (event.target.matches("input, textarea, select") || !views.length
      || event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key === "Escape" && held) point(current, true);
  const move = {ArrowLeft: -1, ArrowRight: 1}[event.key];
  if (!move) return;
  event.preventDefault();
  held = true;
  select(Math.max(0, Math.min(views[0].count - 1, current + move)));
  views.forEach(view => view.bringIntoView(current));
  noteStep(current);
});

window.addEventListener("resize", () => views.length && layOut());

// ------------------------------------------------------------------- the form

const OWN = "own";
const pause = 150;  // ms: of many clicks one after the other the last one is asked
let asked = {}, given = "", asking = null, noting = 0;

// What is asked, from the address: {task, index} or {text}, minds, and the step held. A
// model that is not there any more is not asked again.
function fromAddress() {
  const found = new URLSearchParams(location.hash.slice(1));
  const number = name => /^\d{1,9}$/.test(found.get(name)) ? +found.get(name) : undefined;
  const {tasks: [[firstTask]], minds, mind} = data.choices;
  const known = name => minds.find(({id}) => id === found.get(name))?.id;
  return {text: found.get("text") ?? undefined, task: number("task") ?? firstTask,
          index: number("index") ?? 0, mind: known("mind") ?? mind,
          beside: known("beside") ?? (found.has("beside") ? "" : data.choices.beside),
          step: number("step")};
}

function address(state) {
  const {text, task, index, mind, beside, step} = state;
  const parts = text === undefined ? {task, index} : {text};
  const found = new URLSearchParams({...parts, mind});
  if (beside || data.choices.beside) found.set("beside", beside);
  if (step !== undefined) found.set("step", step);
  return "#" + found;
}

function noteStep(step) {
  if (!data.choices || asking) return;  // the address has the next story already
  asked = {...asked, step};
  clearTimeout(noting);  // browsers refuse more than a few changes a second
  noting = setTimeout(() => history.replaceState(null, "", address(asked)), 300);
}

// What has been typed since the last question; undefined if nothing.
function typed() {
  const text = byId("text").value;
  return text.trim() && text !== given ? text : undefined;
}

// Asks what is new in `change`, as a step that the browser can go back from. Where it
// names no other story, a typed one is read; else that is what one can go back to.
function go(change) {
  const text = typed(), other = "task" in change || "index" in change;
  const own = text === undefined ? {} : {text, step: undefined};
  clearTimeout(noting);
  if (other && text !== undefined) visit({...asked, ...own});
  const state = {...asked, ...(other ? {} : own), ...change};
  visit(state);
  ask(state);
}

// A step in the browser's history, if it is a new one.
function visit(state) {
  if (address(state) !== location.hash) history.pushState(null, "", address(state));
}

// What the server says to a question, or in {error} why it doesn't.
async function answer(question, signal) {
  try {
    const sent = await fetch("ask", {
      method: "POST", signal, headers: {"Content-Type": "application/json"},
      body: JSON.stringify(question)});
    return await sent.json();
  } catch (error) {
    return {error: "The server does not answer; is it still running? Start it again, "
      + "and press Ask."};
  }
}

async function ask(state) {
  const before = given;
  fill(state);
  asked = state;
  given = byId("text").value;
  const busy = asking;
  busy?.abort();
  const mine = asking = new AbortController();
  const keep = () => {  // what was typed besides and not asked
    if (state.text === undefined) given = before;
  };
  byId("minds").classList.add("waiting");
  try {
    if (busy) await new Promise(done => setTimeout(done, pause));
    if (mine.signal.aborted) return;
    const {text, task, index, mind, beside} = state;
    const question = {minds: beside ? [mind, beside] : [mind],
                      ...(text === undefined ? {task, index} : {text})};
    const found = await answer(question, mine.signal);
    if (mine.signal.aborted) return;
    byId("fault").textContent = found.error ?? "";
    if (found.error) return keep();
    if (typed() === undefined) byId("text").value = given = found.text;
    if (found.stories) byId("index").max = found.stories - 1;
    enableSteppers();
    show(found.readings, state.step);
  } finally {
    if (asking === mine) {
      asking = null;
      byId("minds").classList.remove("waiting");
    }
  }
}

// Shows in the form what is asked.
function fill({text, task, index, mind, beside}) {
  byId("task").value = text === undefined ? task : OWN;
  byId("number").hidden = text !== undefined;
  if (task !== asked.task) byId("index").removeAttribute("max");
  if (text === undefined) byId("index").value = index;
  else byId("text").value = text;
  byId("mind").value = mind;
  byId("beside").value = beside;
  enableSteppers();
}

function enableSteppers() {
  for (const button of document.querySelectorAll(".stepper button"))
    button.disabled = next(button) === undefined;
}

// What a button "before" or "next" leads to; undefined where there is nothing.
function next({dataset: {of, by}}) {
  const field = byId(of);
  if (field.tagName === "INPUT") {
    const value = Number(field.value) + Number(by);
    return value < 0 || by > 0 && field.max && value > Number(field.max)
      ? undefined : value;
  }
  const options = [...field.options].map(option => option.value);
  return options[options.indexOf(field.value) + Number(by)];
}

function option(value, text, parent) {
  element("option", "", text, parent).value = value;
}

function startForm({tasks, minds}) {
  byId("ask").hidden = false;
  option(OWN, "my own", byId("task"));
  for (const [number, title] of tasks) option(number, `${number} ${title}`, byId("task"));
  option("", "nothing", byId("beside"));
  for (const id of ["mind", "beside"])
    for (const mind of minds) option(mind.id, mind.name, byId(id));
  byId("task").onchange = event => event.target.value === OWN
    ? byId("text").focus()
    : go({text: undefined, task: Number(event.target.value), index: 0, step: undefined});
  byId("index").onchange = event =>
    go({index: Math.max(0, Math.round(Number(event.target.value))), step: undefined});
  // Another model reads the same story: the step looked at stays.
  for (const id of ["mind", "beside"])
    byId(id).onchange = event => go({[id]: event.target.value});
  for (const button of document.querySelectorAll(".stepper button"))
    button.onclick = () => {
      const {of} = button.dataset, value = next(button);
      if (value !== undefined)
        go(of === "index" ? {index: value, step: undefined} : {[of]: value});
    };
  byId("ask").onsubmit = event => {
    event.preventDefault();
    go({});
  };
  byId("text").onkeydown = event => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey))
      byId("ask").requestSubmit();
  };
  window.addEventListener("popstate", () => {
    const text = typed();
    ask(fromAddress());
    if (text !== undefined && asked.text === undefined) given = "";  // still to be asked
  });
  ask(fromAddress());
}

if (data.choices) startForm(data.choices);
else show(data.readings);
