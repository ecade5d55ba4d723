// Takes the first look away once the page stands and has been still for some ticks, or after 20 s.
// Ticks and not milliseconds: while the browser is busy none pass, and a page half drawn is not still.
(() => {
  const first = document.getElementById("first"), look = document.getElementById("first-look");
  let still = 0, watch = 0;
  const seen = new MutationObserver(() => { still = 0; });
  const done = () => { clearInterval(watch); seen.disconnect(); first.remove(); look.remove(); };
  const stands = () => document.querySelector("[data-testid=stApp][data-test-script-state=notRunning]") &&
    document.querySelector("#root h1, #root [data-testid=stAlert]") &&
    !document.querySelector("#root [data-testid=stSkeleton], #root [data-testid=stAppSkeleton]");
  addEventListener("DOMContentLoaded", () => {
    seen.observe(document.getElementById("root"), { childList: true, subtree: true });
    watch = setInterval(() => { if (stands() && ++still > 6) done(); }, 50);
  });
  setTimeout(() => { if (first.isConnected) done(); }, 20000);
})();
