// Core Web Vitals of this visit, sent once when the page is left: largest paint (LCP), layout shift (CLS, the largest
// session window), and the slowest interaction (INP; of fewer than 50 interactions that is the longest one).
(() => {
  if (!PerformanceObserver.supportedEntryTypes?.includes("largest-contentful-paint")) return;
  const page = location.pathname;
  let lcp = null, cls = 0, inp = null, sum = 0, first = 0, last = 0, sent = false;
  const seen = (type, each, more = {}) => {
    try {
      new PerformanceObserver((list) => list.getEntries().forEach(each)).observe({ type, buffered: true, ...more });
    } catch { /* this browser does not measure it */ }
  };
  seen("largest-contentful-paint", (entry) => { lcp = entry.startTime; });
  seen("layout-shift", (entry) => {
    if (entry.hadRecentInput) return;
    const joined = entry.startTime - last < 1000 && entry.startTime - first < 5000;
    sum = joined ? sum + entry.value : entry.value;
    if (!joined) first = entry.startTime;
    last = entry.startTime;
    cls = Math.max(cls, sum);
  });
  seen("event", (entry) => { if (entry.interactionId) inp = Math.max(inp ?? 0, entry.duration); },
    { durationThreshold: 40 });
  addEventListener("visibilitychange", () => {
    if (document.visibilityState !== "hidden" || sent || lcp === null) return;
    sent = true;
    fetch("/vitals", { method: "POST", keepalive: true, headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ page, lcp, cls, inp }) }).catch(() => {});
  });
})();
