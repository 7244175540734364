// Draws what the server tells by server-sent events. Names of topics and groups are text, and only ever set as such.
"use strict";

const PAGE = 100; // rows of a table, until more are asked for
const RETRY = 2000; // milliseconds until a connection that was refused is tried again

const $ = (id) => document.getElementById(id);
const whole = new Intl.NumberFormat("en");
const text = (value) => (value === null || value === undefined ? "–" : whole.format(value));
const rate = (value) =>
  value === null || value === undefined ? "–"
  : value === 0 ? "0"
  : value < 10 ? value.toFixed(2)
  : value < 100 ? value.toFixed(1)
  : whole.format(Math.round(value));
const clock = (time) => new Date(time).toLocaleTimeString([], { hour12: false });

// A length of time in one or two units, as `eda lag` says it.
function length(milliseconds) {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < 10) return `${Math.max(0, milliseconds / 1000).toFixed(1)}s`;
  const units = [["d", 86400], ["h", 3600], ["m", 60], ["s", 1]];
  const at = units.findIndex(([, size]) => seconds >= size);
  const [unit, size] = units[at];
  const first = `${Math.floor(seconds / size)}${unit}`;
  const next = units[at + 1];
  const rest = next ? Math.floor((seconds % size) / next[1]) : 0;
  return rest ? `${first}${rest}${next[0]}` : first;
}

function element(name, className, content) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (content !== undefined) made.textContent = content;
  return made;
}

const set = (node, content) => {
  if (node.textContent !== content) node.textContent = content;
};
const dress = (node, className) => {
  if (node.className !== className) node.className = className;
};

// ---------------------------------------------------------------- what stands in a cell

const SVG = "http://www.w3.org/2000/svg";

// The course of a number as a line from 0 up; a gap where it was not known.
function spark(cell, values) {
  let svg = cell.firstElementChild;
  if (!svg) {
    svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("class", "spark");
    svg.setAttribute("viewBox", "0 0 100 20");
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("aria-hidden", "true");
    for (const name of ["area", "line"]) {
      const path = document.createElementNS(SVG, "path");
      path.setAttribute("class", name);
      svg.append(path);
    }
    cell.append(svg);
  }
  const known = values.filter((value) => value !== null);
  const top = Math.max(1, ...known);
  const step = 100 / 29;
  const from = 30 - values.length;
  let line = "";
  let area = "";
  let begun = null;
  let last = null;
  const close = () => {
    if (begun !== null) area += `L${last} 20L${begun} 20Z`;
    begun = null;
  };
  values.forEach((value, at) => {
    if (value === null) return close();
    const x = ((from + at) * step).toFixed(1);
    const y = (18.5 - (17 * Math.max(0, value)) / top).toFixed(1);
    const move = begun === null ? "M" : "L";
    if (begun === null) begun = x;
    line += `${move}${x} ${y}`;
    area += `${move}${x} ${y}`;
    last = x;
  });
  close();
  svg.children[0].setAttribute("d", area);
  svg.children[1].setAttribute("d", line);
}

const TONES = { OK: "good", WARN: "warn", ERR: "bad", STALLED: "bad", STOPPED: "bad", REWIND: "bad" };

function status(cell, value) {
  let badge = cell.firstElementChild;
  if (!badge) cell.append((badge = element("span")));
  dress(badge, value ? `badge ${TONES[value] || ""}` : "dim");
  set(badge, value || "–");
}

const behind = (row) => (row.unknown > 0 || row.lag === null ? null : row.lag);

function lag(cell, row) {
  const mark = row.lost > 0 ? " bad-text" : row.unknown > 0 ? " warn-text" : "";
  dress(cell, cell.dataset.base + mark);
  const lost = row.lost > 0 ? ` (${whole.format(row.lost)} lost)` : "";
  const known = row.unknown === 0 ? text(row.lag) : row.lag > 0 ? `≥ ${text(row.lag)}` : "unknown";
  set(cell, known + lost);
  cell.title = row.unknown > 0 ? `not known in ${row.unknown} of ${row.partitions} partitions` : "";
}

const never = (row) => row.eta === "never";

function eta(cell, row) {
  dress(cell, cell.dataset.base + (never(row) ? " warn-text" : ""));
  set(cell, row.eta ?? "–");
}

const shows = (show) => (cell, row) => set(cell, show(row));
const number = (value) => (value === null || value === undefined ? -1 : value);
const unknownFirst = (value) => (value === null ? Number.MAX_SAFE_INTEGER : value);

// ---------------------------------------------------------------- tables

// A column: title, what it shows, what it is sorted by (a number or a text), and in which windows it is seen.
const GROUPS = [
  { title: "Group", by: (row) => row.group },
  { title: "Status", draw: (cell, row) => status(cell, row.status), by: (row) => [row.severity, unknownFirst(behind(row))] },
  { title: "Lag", draw: lag, by: (row) => unknownFirst(behind(row)) },
  { title: "ETA", draw: eta, by: (row) => (never(row) ? Infinity : number(row.etaMs)), seen: "" },
  { title: "Read/s", draw: shows((row) => rate(row.consumedPerSecond)), by: (row) => number(row.consumedPerSecond), seen: "middle" },
  { title: "Written/s", draw: shows((row) => rate(row.producedPerSecond)), by: (row) => number(row.producedPerSecond), seen: "middle" },
  { title: "State", draw: shows((row) => row.state || "–"), by: (row) => row.state || "", seen: "text wide" },
  { title: "Members", draw: shows((row) => text(row.members)), by: (row) => number(row.members), seen: "wide" },
  { title: "Lag, lately", draw: (cell, row) => spark(cell, row.history), seen: "middle" },
];
const PARTITIONS = [
  { title: "Partition", by: (row) => row.topic },
  { title: "Status", draw: (cell, row) => status(cell, row.status) },
  { title: "Lag", draw: (cell, row) => lag(cell, { ...row, unknown: row.lag === null && row.start !== row.end ? 1 : 0, partitions: 1 }) },
  { title: "ETA", draw: eta },
  { title: "Read/s", draw: shows((row) => rate(row.consumedPerSecond)), seen: "middle" },
  { title: "Written/s", draw: shows((row) => rate(row.producedPerSecond)), seen: "middle" },
  { title: "Committed", draw: shows((row) => text(row.committed)), seen: "wide" },
  { title: "Start", draw: shows((row) => text(row.start)), seen: "wide" },
  { title: "End", draw: shows((row) => text(row.end)), seen: "wide" },
];
const LETTERS = [
  { title: "Topic", by: (row) => row.topic },
  {
    title: "Unreplayed",
    draw: (cell, row) => {
      dress(cell, cell.dataset.base + (row.unreplayed > 0 ? " bad-text" : row.unreplayed === null ? " warn-text" : ""));
      set(cell, text(row.unreplayed));
    },
    by: (row) => unknownFirst(row.unreplayed),
  },
  { title: "In all", draw: shows((row) => text(row.records)), by: (row) => number(row.records) },
  { title: "New/min", draw: shows((row) => rate(row.perMinute)), by: (row) => number(row.perMinute) },
];
const TOPICS = [
  { title: "Topic", by: (row) => row.topic },
  { title: "Written/s", draw: shows((row) => rate(row.writtenPerSecond)), by: (row) => number(row.writtenPerSecond) },
  { title: "Records", draw: shows((row) => text(row.records)), by: (row) => number(row.records), seen: "" },
  { title: "Partitions", draw: shows((row) => text(row.partitions)), by: (row) => row.partitions, seen: "wide" },
  { title: "Written, lately", draw: (cell, row) => spark(cell, row.history), seen: "middle" },
];
const HANDLERS = [
  { title: "Handler", by: (row) => row.instance },
  { title: "Group", draw: shows((row) => row.group || "–"), by: (row) => row.group || "", seen: "text" },
  { title: "Records/s", draw: shows((row) => rate(row.processedPerSecond)), by: (row) => number(row.processedPerSecond) },
  {
    title: "Failed",
    draw: (cell, row) => {
      dress(cell, cell.dataset.base + (row.failedPercent > 0 ? " bad-text" : ""));
      set(cell, row.failedPercent === null ? "–" : `${rate(row.failedPercent)}%`);
    },
    by: (row) => number(row.failedPercent),
  },
  { title: "Time", draw: shows((row) => (row.meanMs === null ? "–" : `${rate(row.meanMs)} ms`)), by: (row) => number(row.meanMs), seen: "middle" },
  { title: "95% within", draw: shows((row) => (row.p95Ms === null ? "–" : `${rate(row.p95Ms)} ms`)), by: (row) => number(row.p95Ms), seen: "middle" },
  { title: "In hand", draw: shows((row) => text(row.inHand)), by: (row) => number(row.inHand), seen: "wide" },
  { title: "Last heard", draw: shows((row) => (row.error ? row.error : row.seen ? clock(row.seen) : "–")), by: (row) => row.seen || "", seen: "text middle" },
];

function compare(one, other) {
  if (Array.isArray(one)) {
    for (let at = 0; at < one.length; at += 1) {
      const order = compare(one[at], other[at]);
      if (order) return order;
    }
    return 0;
  }
  return one < other ? -1 : one > other ? 1 : 0;
}

class Sheet {
  // `key` names a row for good; `heading` makes or updates what stands in its first cell.
  constructor(place, columns, { key, name, sort, descending, empty, caption, heading, opened }) {
    Object.assign(this, { place, columns, key, name, empty, caption, heading, opened });
    this.sort = sort;
    this.descending = descending;
    this.limit = PAGE;
    this.rows = new Map();
    this.table = element("table");
    this.captionNode = element("caption");
    this.body = element("tbody");
    this.table.append(this.captionNode, this.head(), this.body);
    const scroll = element("div", "scroll");
    scroll.append(this.table);
    this.note = element("p", "note");
    this.more = element("button", "more", "");
    this.more.type = "button";
    this.more.addEventListener("click", () => {
      this.limit += PAGE;
      this.show(this.data);
    });
    place.append(scroll, this.note, this.more);
    this.data = [];
  }

  head() {
    const row = element("tr");
    this.headers = this.columns.map((column, at) => {
      const header = element("th", [at === 0 ? "text" : "", column.seen || ""].join(" ").trim());
      header.scope = "col";
      if (column.by && this.sort !== undefined) {
        const button = element("button", "", column.title);
        button.type = "button";
        button.addEventListener("click", () => {
          // Names begin with A, figures with the greatest.
          this.descending = this.sort === at ? !this.descending : at !== 0;
          this.sort = at;
          this.limit = PAGE;
          this.show(this.data);
        });
        header.append(button);
      } else {
        header.classList.add("plain");
        header.textContent = column.title;
      }
      row.append(header);
      return header;
    });
    const head = element("thead");
    head.append(row);
    return head;
  }

  show(data) {
    this.data = data;
    const wanted = filter.value.trim().toLowerCase();
    let shown = this.name && wanted ? data.filter((row) => this.name(row).toLowerCase().includes(wanted)) : data;
    const fitting = shown.length;
    if (this.sort !== undefined) {
      const by = this.columns[this.sort].by;
      const sign = this.descending ? -1 : 1;
      const first = this.columns[0].by;
      shown = [...shown].sort((one, other) => sign * compare(by(one), by(other)) || compare(first(one), first(other)));
      this.headers.forEach((header, at) => {
        if (!this.columns[at].by) return;
        header.setAttribute("aria-sort", at !== this.sort ? "none" : this.descending ? "descending" : "ascending");
      });
    }
    shown = shown.slice(0, this.limit);
    set(this.captionNode, this.caption(data.length, fitting, shown.length));
    this.draw(shown);
    set(this.note, data.length === 0 ? this.empty : fitting === 0 ? "none fits the filter" : "");
    this.note.hidden = fitting > 0;
    this.table.parentElement.hidden = fitting === 0;
    const more = fitting - shown.length;
    this.more.hidden = more === 0;
    set(this.more, `Show ${Math.min(PAGE, more)} more of ${whole.format(fitting)}`);
  }

  // Rows stay the same elements: who is on one with the keyboard stays there.
  draw(shown) {
    const focused = this.body.contains(document.activeElement) ? document.activeElement : null;
    const keep = new Set();
    let at = this.body.firstElementChild;
    for (const data of shown) {
      const key = this.key(data);
      keep.add(key);
      let row = this.rows.get(key);
      if (!row) this.rows.set(key, (row = this.make(data)));
      this.fill(row, data);
      for (const part of [row.line, row.detail]) {
        if (!part) continue;
        if (part === at) at = at.nextElementSibling;
        else this.body.insertBefore(part, at);
      }
    }
    for (const [key, row] of this.rows) {
      if (keep.has(key)) continue;
      row.line.remove();
      row.detail?.remove();
      this.rows.delete(key);
    }
    if (focused && document.activeElement !== focused && focused.isConnected) focused.focus({ preventScroll: true });
  }

  make(data) {
    const line = element("tr");
    const row = { line, cells: [], detail: null, data };
    this.columns.forEach((column, at) => {
      const cell = element(at === 0 ? "th" : "td", [at === 0 ? "text" : "", column.seen || ""].join(" ").trim());
      if (at === 0) cell.scope = "row";
      cell.dataset.base = cell.className;
      line.append(cell);
      row.cells.push(cell);
    });
    if (this.heading) this.heading(row, this);
    return row;
  }

  fill(row, data) {
    row.data = data;
    this.columns.forEach((column, at) => {
      if (at > 0) column.draw(row.cells[at], data);
      else if (!this.heading) set(row.cells[0], this.name ? this.name(data) : this.key(data));
    });
    if (row.detail && this.opened) this.opened(row);
  }
}

// ---------------------------------------------------------------- a group's partitions

function openable(row, sheet) {
  const button = element("button", "name", row.data.group);
  button.type = "button";
  button.setAttribute("aria-expanded", "false");
  button.addEventListener("click", () => {
    if (row.detail) {
      row.detail.remove();
      row.detail = null;
      button.setAttribute("aria-expanded", "false");
      return;
    }
    row.detail = element("tr", "opened");
    const cell = element("td");
    cell.colSpan = sheet.columns.length;
    row.detail.append(cell);
    row.partitions = new Sheet(cell, PARTITIONS, {
      key: (partition) => `${partition.topic}:${partition.partition}`,
      empty: "no committed offsets",
      caption: (all, fitting, shown) =>
        `Partitions that ${row.data.group} reads` + (shown < all ? `, ${shown} of ${all}` : "") +
        (row.data.state ? `; ${row.data.state}, ${text(row.data.members)} members` : ""),
    });
    row.partitions.note.hidden = false;
    set(row.partitions.note, "looking…");
    row.partitions.table.parentElement.hidden = true;
    row.partitions.more.hidden = true;
    row.line.after(row.detail);
    button.setAttribute("aria-expanded", "true");
    refresh(row);
  });
  row.cells[0].append(button);
}

async function refresh(row) {
  if (row.asking) return;
  row.asking = true;
  try {
    const answer = await fetch(`/api/groups/${encodeURIComponent(row.data.group)}`);
    const found = answer.ok ? await answer.json() : { partitions: [] };
    if (row.detail) row.partitions.show(found.partitions);
  } catch {
    // The connection's own line says that the server is gone.
  } finally {
    row.asking = false;
  }
}

// ---------------------------------------------------------------- the page

const filter = $("filter");
const pause = $("pause");
const count = (noun) => (all, fitting, shown) =>
  all === 0 ? "" : `${whole.format(fitting)} ${noun}${fitting === 1 ? "" : "s"}` +
  (fitting < all ? ` of ${whole.format(all)}` : "") + (shown < fitting ? `, the first ${whole.format(shown)} shown` : "");

const sheets = {
  groups: new Sheet($("groups"), GROUPS, {
    key: (row) => row.group, name: (row) => row.group, sort: 1, descending: true,
    empty: "no consumer groups", caption: count("group"), heading: openable, opened: refresh,
  }),
  deadLetters: new Sheet($("letters"), LETTERS, {
    key: (row) => row.topic, name: (row) => row.topic, sort: 1, descending: true,
    empty: "no dead-letter topics", caption: count("topic"),
  }),
  topics: new Sheet($("topics"), TOPICS, {
    key: (row) => row.topic, name: (row) => row.topic, sort: 1, descending: true,
    empty: "no topics", caption: count("topic"),
  }),
  handlers: new Sheet($("handlers"), HANDLERS, {
    key: (row) => `${row.instance} ${row.group}`, name: (row) => `${row.instance}`, sort: 0, descending: false,
    empty: "no handlers", caption: count("handler"),
  }),
};

let state = null; // what was told last
let drawn = null; // what is shown: the same, but while paused
let lost = null; // since when the server is gone
let heard = 0; // when it was heard last

function draw() {
  if (!drawn) return;
  const trouble = drawn.groups.filter((group) => group.severity >= 2);
  const bad = trouble.some((group) => group.severity >= 3);
  const sum = (rows, of) => rows.reduce((sum, row) => sum + (of(row) || 0), 0);
  const letters = sum(drawn.deadLetters, (row) => row.unreplayed);
  set($("tile-trouble"), whole.format(trouble.length));
  dress($("tile-trouble"), bad ? "bad" : trouble.length ? "warn" : "");
  set($("tile-lag"), whole.format(sum(drawn.groups, (row) => row.lag)));
  const rates = drawn.topics.filter((row) => row.writtenPerSecond !== null);
  set($("tile-written"), rates.length ? rate(sum(rates, (row) => row.writtenPerSecond)) : "–");
  const unknown = drawn.deadLetters.some((row) => row.unreplayed === null);
  set($("tile-letters"), unknown ? (letters ? `≥ ${text(letters)}` : "unknown") : text(letters));
  dress($("tile-letters"), letters ? "bad" : unknown ? "warn" : "");
  set($("brokers"), drawn.brokers);
  document.title = `${trouble.length ? `(${trouble.length}) ` : ""}eda ${drawn.brokers}`;
  for (const [list, sheet] of Object.entries(sheets)) sheet.show(drawn[list]);
  $("handlers").hidden = drawn.handlers.length === 0;
  $("failures").hidden = drawn.failures.length === 0;
  const failures = $("failures-list");
  if (failures.dataset.shown !== drawn.failures.join("\n")) {
    failures.dataset.shown = drawn.failures.join("\n");
    failures.replaceChildren(...drawn.failures.map((failure) => element("li", "", failure)));
  }
}

// What the connection is like; the clock goes on between two events.
function connection() {
  const now = Date.now();
  let tone = "good";
  let said = "connecting";
  let old = false;
  if (lost !== null) {
    tone = "bad";
    old = true;
    said = `the server of this page is gone since ${clock(lost)} (${length(now - lost)}); trying again` +
      (state ? `. The figures are those of ${clock(state.seen)}` : "");
  } else if (!state) {
    tone = "wait";
  } else {
    // The server's clock and ours may differ: ages are counted from when we heard.
    const behind = now - heard;
    const age = Date.parse(state.time) - Date.parse(state.seen) + behind;
    if (state.error) {
      tone = "bad";
      old = true;
      said = `broker unreachable since ${clock(state.error.since)}, last seen ${clock(state.seen)} ` +
        `(${length(age)} ago): ${state.error.message}`;
    } else {
      old = age > state.staleAfterMs;
      tone = old ? "wait" : "good";
      said = `${old ? "no news" : "connected"}, seen ${clock(state.seen)}` + (old ? ` (${length(age)} ago)` : "") +
        `, every ${length(state.everyMs).replace(".0", "")}`;
    }
  }
  if (drawn && drawn !== state) said += ` · paused, the tables are those of ${clock(drawn.seen)}`;
  dress($("connection"), tone);
  set($("connection-text"), said);
  $("main").classList.toggle("old", old);
}

// Only changes of status are spoken.
let before = new Map();
let was = "";
function speak() {
  const said = [];
  const now = lost !== null ? "the server of this page is gone" : state?.error ? "the broker is unreachable" : "";
  if (now !== was) said.push(now || "connected again");
  was = now;
  if (state && !state.error) {
    const next = new Map(state.groups.map((group) => [group.group, group.status]));
    for (const [group, status] of next) {
      const old = before.get(group);
      if (old && status && old !== status) said.push(`${group} is now ${status}, was ${old}`);
    }
    before = next;
  }
  if (said.length) set($("news"), `${clock(Date.now())} ${said.slice(0, 3).join("; ")}` + (said.length > 3 ? ` and ${said.length - 3} more` : ""));
}

function take(news) {
  lost = null;
  heard = Date.now();
  state = news;
  if (pause.getAttribute("aria-pressed") !== "true") {
    drawn = state;
    draw();
  }
  speak();
  connection();
}

// Too many watch already: the state is asked for instead.
async function ask() {
  try {
    const answer = await fetch("/api/state");
    if (!answer.ok) return false;
    take(await answer.json());
    return true;
  } catch {
    return false;
  }
}

function gone() {
  if (lost === null) lost = Date.now();
  speak();
  connection();
}

function connect() {
  const events = new EventSource("/events");
  events.addEventListener("message", (event) => take(JSON.parse(event.data)));
  events.addEventListener("error", async () => {
    // It tries again by itself, unless it was refused.
    if (events.readyState !== EventSource.CLOSED) return gone();
    if (!(await ask())) gone();
    setTimeout(connect, RETRY);
  });
}

filter.addEventListener("input", draw);
pause.addEventListener("click", () => {
  const paused = pause.getAttribute("aria-pressed") !== "true";
  pause.setAttribute("aria-pressed", String(paused));
  if (!paused) {
    drawn = state;
    draw();
  }
  connection();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== filter && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    filter.focus();
  } else if (event.key === "Escape" && document.activeElement === filter && filter.value) {
    filter.value = "";
    draw();
  }
});
setInterval(connection, 1000);
connect();
