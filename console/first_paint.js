// Takes the first look away once the page stands and has been still for a moment, or after 20 s.
(() => {
  const first = document.getElementById("first"), look = document.getElementById("first-look");
  let moved = Date.now(), watch = 0;
  const seen = new MutationObserver(() => { moved = Date.now(); });
  const done = () => { clearInterval(watch); seen.disconnect(); first.remove(); look.remove(); };
  const stands = () => document.querySelector("[data-testid=stApp][data-test-script-state=notRunning]") &&
    document.querySelector("#root h1, #root [data-testid=stAlert]");
  addEventListener("DOMContentLoaded", () => {
    const root = document.getElementById("root");
    seen.observe(root, { childList: true, subtree: true });
    watch = setInterval(() => { if (stands() && Date.now() - moved > 300) done(); }, 50);
  });
  setTimeout(() => { if (first.isConnected) done(); }, 20000);
})();
