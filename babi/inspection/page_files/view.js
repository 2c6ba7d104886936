// What one model did with a story: the story, the details of a step, the memory over
// time. `content` is what `page.content` makes of a reading.

function element(tag, className, text, parent) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  if (parent) parent.append(made);
  return made;
}

const share = value => value.toFixed(2);
const titleHeight = 19, gap = 8;
const spareSteps = 30;  // drawn on either side of what can be seen, for scrolling
const pictureSteps = 8192;  // in a picture: browsers draw no canvas of any width

// One hue from white to dark, by the square root of a share.
function shade(share) {
  const stops = [[255, 255, 255], [158, 202, 225], [33, 113, 181], [8, 30, 80]];
  const place = Math.sqrt(share) * 3, low = Math.min(2, Math.floor(place));
  return stops[low].map((start, i) =>
    Math.round(start + (stops[low + 1][i] - start) * (place - low)));
}

// Places where the program has scrolled boxes to, not a person.
const scrolled = new WeakMap();

function scrollBox(box, left, top) {
  box.scrollLeft = left;
  box.scrollTop = top;
  scrolled.set(box, [box.scrollLeft, box.scrollTop]);  // no further than it goes
}

// What a person scrolls to in one box is shown in the others too.
function scrollTogether(boxes) {
  for (const box of boxes) box.addEventListener("scroll", () => {
    const {scrollLeft, scrollTop} = box, [left, top] = scrolled.get(box) ?? [];
    if (scrollLeft === left && scrollTop === top) return;
    scrolled.delete(box);
    for (const other of boxes)
      if (other !== box) scrollBox(other, scrollLeft, scrollTop);
  });
}

class View {
  // choose(step, hold) is called when a step is pointed at (hold undefined) or held.
  constructor(content, parent, choose) {
    this.content = content;
    this.count = content.words.length;
    this.choose = choose;
    this.columnText = content.words.map((word, step) => this.answerText(step) || word);
    this.panels = content.panels.map(panel => ({...panel,
      bytes: Uint8Array.from(atob(panel.bytes), c => c.charCodeAt(0)),
      shades: Array.from({length: panel.parts + 1}, (_, part) => shade(part / panel.parts)),
      pictures: []}));
    this.box = element("article", "mind", undefined, parent);
    if (content.name) element("h2", "name", content.name, this.box);
    this.story = this.section("story", "story");
    this.details = this.section("details", "details of a step");
    this.details.setAttribute("aria-live", "polite");
    this.plots = this.section("plots", "memory over time");
    const stack = element("div", "stack", undefined, this.plots);
    this.labels = element("canvas", "labels", undefined, stack);
    this.area = element("div", "area", undefined, stack);
    this.plot = element("canvas", "plot", undefined, this.area);
    this.plot.setAttribute("role", "img");
    this.plot.setAttribute("aria-label", content.panels.map(({title}) => title).join(", ")
      + ": shades by step; the details say them in words");
    this.cursor = element("div", "cursor", undefined, this.area);
    this.writeStory();
    for (const place of [this.story, this.area]) {
      place.addEventListener("mousemove", event => choose(this.stepAt(event)));
      place.addEventListener("click", event => choose(this.stepAt(event), true));
    }
    this.plots.addEventListener("scroll", () => this.drawSoon());
  }

  section(className, label) {
    const made = element("section", className, undefined, this.box);
    made.setAttribute("aria-label", label);
    return made;
  }

  // The model's answer at a step, marked right or wrong where that is known.
  answerText(step) { return this.content.answers[step]; }

  writeStory() {
    const {content} = this;
    this.words = [];
    content.sentences.forEach(([first, last], index) => {
      const line = element("div", "line", undefined, this.story);
      element("span", "number", index + 1, line);
      for (let step = first; step <= last; step++) {
        const span = element("span", "word", this.answerText(step) || content.words[step],
          line);
        span.dataset.step = step;
        if (content.top[step]) {
          span.classList.add("answer");
          if (content.verdicts[step] === false) span.classList.add("wrong");
          line.append(" ");
          element("span", "sure", share(content.top[step][0][1]), line);
        }
        line.append(" ");
        this.words.push(span);
      }
    });
  }

  // ---------------------------------------------------------------- the plots

  rowHeight(panel) { return panel.slots ? (panel.labels.length > 24 ? 4 : 8) : 15; }

  // How much room the words above the plots need, and each panel below its title.
  wordsRoom() {
    return 14 + 7 * Math.min(28, Math.max(...this.columnText.map(text => text.length)));
  }

  panelRooms() {
    return this.panels.map(panel =>
      [panel.title, panel.labels.length * this.rowHeight(panel)]);
  }

  // Sets all sizes anew, with some room for words, the top of each panel's title and
  // the height of all; then the part of the plots that can be seen is drawn.
  layOut(wordsRoom, tops, height) {
    const {plots} = this;
    this.labelWidth = plots.clientWidth < 600 ? 108 : 170;
    this.wordsHeight = wordsRoom;
    this.tops = tops;
    this.height = height;
    this.stepWidth = Math.max(13, Math.min(26, Math.floor(
      (plots.clientWidth - this.labelWidth - 34) / this.count)));
    this.area.style.width = this.count * this.stepWidth + 1 + "px";
    this.area.style.height = this.height + "px";
    this.drawLabels();
    this.draw();
    if (this.current !== undefined) this.placeCursor();
  }

  // Some steps of a panel as a picture of a point for each step and row.
  picture(panel, first) {
    const canvas = document.createElement("canvas");
    canvas.width = Math.min(pictureSteps, this.count - first);
    canvas.height = panel.labels.length;
    const context = canvas.getContext("2d");
    const points = context.createImageData(canvas.width, canvas.height);
    for (let row = 0; row < canvas.height; row++)
      for (let step = 0; step < canvas.width; step++) {
        const place = 4 * (row * canvas.width + step);
        const part = panel.bytes[row * this.count + first + step];
        points.data.set(panel.shades[part], place);
        points.data[place + 3] = 255;
      }
    context.putImageData(points, 0, 0);
    return canvas;
  }

  // Draws some steps of a panel from the left of the plot on.
  drawPanel(plot, panel, first, seen, top, height) {
    for (let part = Math.floor(first / pictureSteps);
      part * pictureSteps < first + seen; part++) {
      const start = part * pictureSteps, begin = Math.max(first, start);
      const count = Math.min(first + seen, start + pictureSteps) - begin;
      panel.pictures[part] ??= this.picture(panel, start);
      plot.drawImage(panel.pictures[part], begin - start, 0, count, panel.labels.length,
        (begin - first) * this.stepWidth, top, count * this.stepWidth, height);
    }
  }

  prepare(canvas, width) {
    const scale = window.devicePixelRatio || 1;
    canvas.width = width * scale;
    canvas.height = this.height * scale;
    canvas.style.width = width + "px";
    canvas.style.height = this.height + "px";
    const context = canvas.getContext("2d");
    context.scale(scale, scale);
    context.textBaseline = "middle";
    return context;
  }

  drawLabels() {
    const context = this.prepare(this.labels, this.labelWidth);
    for (const panel of this.panels) {
      const size = this.rowHeight(panel), every = Math.ceil(13 / size);
      const top = this.tops.get(panel.title) + titleHeight;
      context.textAlign = "left";
      context.font = "bold 12px system-ui, sans-serif";
      context.fillText(panel.title, 10, top - titleHeight / 2, this.labelWidth - 12);
      context.font = "11px system-ui, sans-serif";
      context.textAlign = "right";
      panel.labels.forEach((label, row) => {
        if (row % every === 0) context.fillText((panel.slots ? "slot " : "") + label,
          this.labelWidth - 6, top + (row + 0.5) * size, this.labelWidth - 12);
      });
    }
  }

  drawSoon() {
    if (!this.waiting) this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      this.draw();
    });
  }

  // Draws the steps that can be seen: a long story is wider than a canvas may be.
  draw() {
    const width = this.stepWidth, {clientWidth, scrollLeft} = this.plots;
    const first = Math.max(0, Math.floor(scrollLeft / width) - spareSteps);
    const seen = Math.min(this.count - first,
      Math.ceil(clientWidth / width) + 2 * spareSteps);
    const plot = this.prepare(this.plot, seen * width + 1);
    this.plot.style.left = first * width + "px";
    plot.font = "12px system-ui, sans-serif";
    for (let step = first; step < first + seen; step++) {
      plot.save();
      plot.translate((step - first + 0.5) * width, this.wordsHeight - 4);
      plot.rotate(-Math.PI / 2);
      if (this.content.top[step]) plot.font = "bold " + plot.font;
      plot.fillText(this.columnText[step], 0, 0, this.wordsHeight - 6);
      plot.restore();
    }
    plot.imageSmoothingEnabled = false;
    plot.strokeStyle = "#555";
    for (const panel of this.panels) {
      const height = panel.labels.length * this.rowHeight(panel);
      const top = this.tops.get(panel.title) + titleHeight;
      this.drawPanel(plot, panel, first, seen, top, height);
      plot.strokeRect(0.5, top + 0.5, seen * width, height);
    }
  }

  stepAt(event) {
    if (event.target.dataset.step) return Number(event.target.dataset.step);
    if (event.target !== this.plot) return -1;
    const x = event.clientX - this.area.getBoundingClientRect().left;
    return Math.min(this.count - 1, Math.floor(x / this.stepWidth));
  }

  // -------------------------------------------------------------- the details

  bars(parent, rows) {
    const table = element("table", "", undefined, parent);
    for (const [name, value] of rows) {
      const row = element("tr", "", undefined, table);
      element("td", "", name, row);
      element("td", "value", share(value), row);
      const frame = element("div", "frame", undefined,
        element("td", "", undefined, row));
      element("span", "bar", undefined, frame).style.width = 120 * value + "px";
    }
  }

  // A step's word within its sentence up to there.
  place(step) {
    const {words, sentences} = this.content;
    const [first] = sentences.find(([, last]) => step <= last);
    const before = words.slice(first, step).slice(-5).join(" ");
    return `step ${step + 1}, “${before}${before ? " " : ""}[${words[step]}]”`;
  }

  panelValues(panel, step) {
    return panel.labels.map((label, row) =>
      [label, panel.bytes[row * this.count + step] / panel.parts]);
  }

  showDetails(step) {
    const {content} = this;
    this.details.replaceChildren();
    const box = element("div", "", undefined, this.details);
    const heads = element("div", "", undefined, this.details);
    element("h2", "", `“${content.words[step]}”, step ${step + 1} of ${this.count}`, box);
    if (content.top[step]) {
      element("div", "", "Answer: " + this.answerText(step), box);
      this.bars(box, content.top[step]);
      if (content.right[step] === null)
        element("div", "faint", "The right answer is not known.", box);
    }
    element("h2", "", "Gates", box);
    this.bars(box, this.panelValues(this.panels[0], step));
    content.writes[step].forEach((slots, head) => {
      element("h2", "", "Write head" + (content.writes[step].length > 1
        ? " " + (head + 1) : ""), heads);
      const text = slots.map(([slot, weight]) =>
        `slot ${slot} (${share(weight)})`).join(", ");
      element("div", text ? "" : "faint", text ? "wrote to " + text
        : content.written[step][head] < content.least ? "wrote next to nothing"
          : "wrote to all slots a little, none above " + content.least, heads);
    });
    content.reads[step].forEach((slots, head) => this.showReads(heads, slots, head, step));
  }

  showReads(box, slots, head, step) {
    const modes = this.panels.find(panel => panel.title === "read modes");
    element("h2", "", `Read head ${head + 1}`, box);
    if (modes) {
      const each = modes.labels.length / this.content.reads[step].length;
      element("div", "faint", this.panelValues(modes, step)
        .slice(head * each, (head + 1) * each)
        .map(([label, value]) => `${label.split(",")[0]} ${share(value)}`).join(", "), box);
    }
    if (!slots.length) element("div", "faint",
      "read all slots a little, none above " + this.content.least, box);
    for (const [slot, weight, sources] of slots) {
      element("div", "", `read slot ${slot} (${share(weight)})`
        + (sources.length ? ", written at"
          : `, where no step has left ${this.content.least} or more`), box);
      const list = element("ul", "", undefined, box);
      for (const [origin, left] of sources) {
        const source = element("button", "source",
          `${this.place(origin)} (${share(left)})`, element("li", "", undefined, list));
        source.type = "button";
        source.onclick = () => this.choose(origin, true);
      }
    }
  }

  // How much of what all heads read at a step was written at each earlier step.
  origins(step) {
    const found = new Map();
    for (const slots of this.content.reads[step])
      for (const [, weight, sources] of slots)
        for (const [origin, left] of sources)
          found.set(origin, Math.min(1, (found.get(origin) || 0) + weight * left));
    return found;
  }

  show(step) {
    this.current = step;
    const found = this.origins(step);
    this.words.forEach((span, index) => {
      span.classList.toggle("here", index === step);
      const strength = found.get(index) || 0;
      span.style.background = strength
        ? `rgba(255, 176, 0, ${0.15 + 0.85 * strength})` : "";
    });
    this.placeCursor();
    this.showDetails(step);
  }

  placeCursor() {
    this.cursor.style.left = this.current * this.stepWidth - 1 + "px";
    this.cursor.style.width = this.stepWidth + 3 + "px";
  }

  bringIntoView(step) {
    const word = this.words[step], {story} = this;
    if (word.offsetTop < story.scrollTop
        || word.offsetTop + word.offsetHeight > story.scrollTop + story.clientHeight)
      scrollBox(story, story.scrollLeft, word.offsetTop - story.clientHeight / 2);
    const box = this.plots, left = this.labelWidth + step * this.stepWidth;
    if (left < box.scrollLeft + this.labelWidth
        || left > box.scrollLeft + box.clientWidth - 40)
      scrollBox(box, left - box.clientWidth / 2, box.scrollTop);
  }
}
