// Takes the first look away once the page stands, or after 20 s.
(() => {
  const first = document.getElementById("first"), look = document.getElementById("first-look");
  const done = () => { first.remove(); look.remove(); };
  const stands = () => document.querySelector("[data-testid=stApp][data-test-script-state=notRunning]") &&
    document.querySelector("#root h1, #root [data-testid=stAlert]");
  const watch = setInterval(() => { if (stands()) { clearInterval(watch); setTimeout(done, 250); } }, 50);
  setTimeout(() => { clearInterval(watch); if (first.isConnected) done(); }, 20000);
})();
