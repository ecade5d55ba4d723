// Covers the page while the console does not respond, and hides its data once the session has ended elsewhere.
// A page shows what was true when it was drawn; without this, a dead page looks like a quiet production.
(() => {
  const EVERY = 5000, LIMIT = 4000, FAILURES = 2; // milliseconds, and failed attempts in a row that count as lost
  let boot = null, failed = 0, last = new Date(), cover = null, timer = 0;

  const made = (name, text, more = {}) => Object.assign(document.createElement(name), { textContent: text, ...more });
  const show = (title, text, action) => {
    const panel = made("div", "");
    panel.append(made("h2", title, { id: "lost-title" }), made("p", text), action);
    if (!cover) {
      cover = made("div", "", { className: "d-lost" });
      cover.setAttribute("role", "alertdialog");
      cover.setAttribute("aria-modal", "true");
      cover.setAttribute("aria-labelledby", "lost-title");
      document.body.append(cover);
      document.getElementById("root").inert = true;
    }
    cover.replaceChildren(panel);
    action.focus();
  };
  const hide = () => {
    if (!cover) return; // a dialog of the palette may have made the page inert
    cover.remove(); cover = null; document.getElementById("root").inert = false;
  };

  const lost = () => {
    const again = made("button", "Try now", { type: "button", onclick: look });
    show("Connection lost", `The console has not responded since ${last.toLocaleTimeString()}. What you see behind this ` +
      "message may be out of date. The page reconnects by itself.", again);
  };
  const ended = () => {
    document.getElementById("root").remove(); // nobody is signed in: the data has to go
    document.getElementById("first")?.remove();
    const next = encodeURIComponent(location.pathname + location.search);
    document.body.append(made("div", "", { id: "root" }));
    show("Your session has ended", "You were signed out, or your session expired.",
      made("a", "Sign in", { href: `/login?next=${next}` }));
  };

  async function look() {
    clearTimeout(timer);
    try {
      const answer = await fetch("/alive", { cache: "no-store", signal: AbortSignal.timeout(LIMIT) });
      if (answer.status === 401) return ended();
      if (!answer.ok) throw new Error(answer.status);
      const found = (await answer.json()).boot;
      if (boot && found !== boot) return location.reload();
      boot = found; failed = 0; last = new Date(); hide();
    } catch {
      if (++failed >= FAILURES) lost();
    }
    if (!document.hidden) timer = setTimeout(look, failed ? 1000 : EVERY);
  }
  document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
  look();
})();
