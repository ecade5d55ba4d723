// The palette: Ctrl+K or "/" searches everything that the person may open; "?" lists the keys; J and K go through a list.
// Every text of the server is set as text, never as HTML.
(() => {
  const editing = (at) => at.closest?.("input, textarea, select, [contenteditable=true], [role=textbox]");
  const make = (name, attributes = {}, ...inner) => {
    const made = Object.assign(document.createElement(name), attributes);
    made.append(...inner);
    return made;
  };
  const KEYS = [["Ctrl K  or  /", "Search everything"], ["J  K", "Next and previous in a list"], ["Enter", "Open it"], ["?", "This list"], ["Esc", "Close"]];
  let open = null;

  const close = () => {
    if (!open) return;
    const { box, before } = open;
    open = null; box.remove();
    document.getElementById("root").inert = !!document.querySelector(".d-lost"); // which covers a lost connection
    before?.focus?.();
  };
  const show = (label, ...inner) => {
    close();
    const panel = make("div", { className: "d-palette", role: "dialog", ariaModal: "true", ariaLabel: label }, ...inner);
    const box = make("div", { className: "d-palette-ground" }, panel);
    box.addEventListener("mousedown", (event) => { if (event.target === box) close(); });
    open = { box, before: document.activeElement };
    document.getElementById("root").inert = true; // Tab stays in the dialog
    document.body.append(box);
  };

  const go = (address) => {
    close();
    const link = make("a", { href: address });
    link.setAttribute("data-nav", "");
    document.body.append(link); link.click(); link.remove();
  };

  const search = () => {
    const field = make("input", { type: "search", placeholder: "Search issues, changes, people, policy, audit, help", ariaLabel: "Search", autocomplete: "off" });
    field.setAttribute("role", "combobox"); field.setAttribute("aria-expanded", "true"); field.setAttribute("aria-controls", "d-hits");
    const list = make("ul", { id: "d-hits" });
    list.setAttribute("role", "listbox"); list.setAttribute("aria-label", "Results");
    show("Search", field, list);
    let rows = [], at = 0, asked = 0, timer = 0;

    const mark = (to) => {
      at = rows.length ? (to + rows.length) % rows.length : 0;
      [...list.children].forEach((item, place) => item.setAttribute("aria-selected", String(place === at)));
      list.children[at]?.scrollIntoView({ block: "nearest" });
      field.setAttribute("aria-activedescendant", rows.length ? `d-hit-${at}` : "");
    };
    const draw = (found) => {
      rows = found;
      list.replaceChildren(...found.map((hit, place) => {
        const item = make("li", { id: `d-hit-${place}` }, make("i", { textContent: hit.kind }), make("b", { textContent: hit.title }), make("span", { textContent: hit.says }));
        item.setAttribute("role", "option");
        item.addEventListener("click", () => go(hit.address));
        return item;
      }));
      if (!found.length) list.append(make("li", { className: "d-none", textContent: "Nothing found. Try a number, a title, a name or a commit." }));
      mark(0);
    };
    const ask = async () => {
      const mine = ++asked;
      try {
        const answer = await fetch("/find?q=" + encodeURIComponent(field.value));
        if (answer.status === 401) return location.reload();
        const found = await answer.json();
        if (mine === asked && open) draw(found);
      } catch { if (mine === asked && open) list.replaceChildren(make("li", { className: "d-none", textContent: "The server does not answer." })); }
    };
    field.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, 120); });
    open.key = (event) => {
      const moves = { ArrowDown: at + 1, ArrowUp: at - 1 };
      if (event.key in moves) mark(moves[event.key]);
      else if (event.key === "Enter" && !event.isComposing && rows[at]) go(rows[at].address);
      else return;
      event.preventDefault();
    };
    field.focus();
    ask();
  };

  const shortcuts = () => [...document.querySelectorAll("#root button kbd, #root button [data-testid=stButtonShortcut]")]
    .map((key) => [key.textContent, key.closest("button").textContent.slice(0, -key.textContent.length).trim()]);

  // A list may be drawn anew at any time, so the place in it is the address of a link.
  let place = "";
  const step = (by) => {
    const links = [...document.querySelectorAll("#root .d-table tbody tr")].map((row) => row.querySelector("a[data-nav]")).filter(Boolean);
    const at = links.findIndex((link) => link.getAttribute("href") === place);
    const next = links[at < 0 ? (by > 0 ? 0 : links.length - 1) : (at + by + links.length) % links.length];
    if (!next) return false;
    place = next.getAttribute("href");
    next.focus(); next.scrollIntoView({ block: "nearest" });
    return true;
  };
  const steps = (key) => {
    const by = { j: 1, k: -1 }[key.toLowerCase()];
    return by && !shortcuts().some(([taken]) => taken.toLowerCase() === key.toLowerCase()) ? () => step(by) : null;
  };

  const help = () => {
    const list = make("dl", {}, ...[...KEYS, ...shortcuts()].flatMap(([key, says]) => [make("dt", {}, make("kbd", { textContent: key })), make("dd", { textContent: says })]));
    const shut = make("button", { type: "button", textContent: "Close" });
    shut.addEventListener("click", close);
    show("Keys", make("h2", { textContent: "Keys" }), list, shut);
    shut.focus();
  };

  document.addEventListener("keydown", (event) => {
    if (open) {
      event.stopPropagation();
      if (event.key === "Escape") { event.preventDefault(); close(); } else open.key?.(event);
      return;
    }
    const command = (event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k";
    if (!command && (event.ctrlKey || event.metaKey || event.altKey || editing(event.target))) return;
    const does = command || event.key === "/" ? search : event.key === "?" ? help : steps(event.key);
    if (!does || document.querySelector("[data-testid=stDialog]") || does() === false) return;
    event.preventDefault(); event.stopPropagation();
  }, true);
})();
