// Streamlit calls the default export at every run of the fragment and the returned function once, when the
// element goes. So one listener lives as long as its element: a browser keeps six connections to a server, and
// a stream for each run would take them all.
export default function (component) {
  const { parentElement } = component;
  const kept = parentElement.listener ??= listen();
  kept.drawn(component);
  return () => { kept.stop(); delete parentElement.listener; };
}

const PATIENCE = 5000; // milliseconds that a page asked for has to come

function listen() {
  let run = null, newest = null, last = 0, timer = 0, source = null;
  let left = null, until = 0; // the address that a click leaves, and how long that is waited for
  let pressed = null;

  // A change that is reported between a click and the new page would be drawn with the old address and undo the click.
  const leaving = () => Date.now() < until && location.href === left;
  const tell = () => {
    if (!source || newest === String(run.data.drawn)) return;
    if (leaving()) return soon(100);
    last = Date.now();
    run.setTriggerValue("changed", newest);
  };
  const soon = (wait) => { clearTimeout(timer); timer = setTimeout(tell, wait); };

  // Nobody looks at a hidden tab, and a stream for each of many tabs would take all connections as well.
  const look = () => {
    if (document.hidden) { source?.close(); source = null; return; }
    if (source) return;
    source = new EventSource("/live");
    source.onmessage = (event) => {
      newest = event.data;
      soon(Math.max(0, run.data.pause - (Date.now() - last)));
    };
  };

  const leave = (link) => { if (link.href !== location.href) { left = location.href; until = Date.now() + PATIENCE; } };
  const go = (link) => { leave(link); run.setTriggerValue("go", link.getAttribute("href").replace(location.origin, "")); };
  const linked = (event) => event.button || event.ctrlKey || event.metaKey || event.shiftKey ? null
    : event.target.closest?.("a[data-nav], .st-key-documentation a[href^='/'], [data-testid=stSidebarNav] a");
  // Streamlit's own link to the page that is open keeps its parameters: the open issue would stay open.
  const ours = (link) => !link.closest("[data-testid=stSidebarNav]") || (link.pathname === location.pathname && location.search);
  const down = (event) => { pressed = linked(event); };
  const up = () => { // a list drawn anew under the finger took its link, and the click, with it
    if (pressed?.hasAttribute("data-nav") && !pressed.isConnected) go(pressed);
  };
  const click = (event) => {
    const link = linked(event);
    if (!link) return;
    if (!ours(link)) return leave(link);
    event.preventDefault(); event.stopPropagation(); go(link);
    if (innerWidth < 768) document.querySelector("[data-testid=stSidebarCollapseButton] button")?.click();
  };

  const units = [[60, 1, "s"], [3600, 60, "min"], [86400, 3600, "h"], [Infinity, 86400, "d"]];
  const span = (s) => {
    const [, unit, name] = units.find(([limit]) => s < limit), value = s / unit;
    return (value < 10 && unit > 1 ? Math.round(value * 10) / 10 : Math.round(value)) + " " + name;
  };
  const age = setInterval(() => document.querySelectorAll("time[data-ago]").forEach((time) => {
    const s = (Date.now() - Date.parse(time.dateTime)) / 1000;
    const says = s >= 0 ? time.dataset.ago || span(s) + " ago" : "in " + span(-s);
    if (time.textContent !== says) time.textContent = says;
  }), 1000);

  // The text node stays Streamlit's own: it would lose one that is replaced.
  const title = ([address, words]) => {
    const link = document.querySelector(`[data-testid=stSidebarNav] a[href$="${address}"]`);
    if (!link) return;
    const texts = document.createTreeWalker(link, NodeFilter.SHOW_TEXT), plain = (text) => text.replace(/ \(\d+\)$/, "");
    while (texts.nextNode()) {
      const node = texts.currentNode;
      if (plain(node.nodeValue) === plain(words) && node.nodeValue !== words) node.nodeValue = words;
    }
  };

  const heard = { visibilitychange: look, pointerdown: down, pointerup: up, click };
  for (const [name, does] of Object.entries(heard)) document.addEventListener(name, does, true);
  look();
  return {
    drawn: (component) => { run = component; Object.entries(run.data.titles ?? {}).forEach(title); },
    stop: () => {
      source?.close(); source = null; clearTimeout(timer); clearInterval(age);
      for (const [name, does] of Object.entries(heard)) document.removeEventListener(name, does, true);
    },
  };
}
