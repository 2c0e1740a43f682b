// Draw the Mermaid diagrams of a page in the colors of the theme.
const dark = document.body.dataset.theme === "dark" ||
  (document.body.dataset.theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
mermaid.initialize({ startOnLoad: false, securityLevel: "strict", theme: dark ? "dark" : "neutral" });
mermaid.run({ querySelector: "pre.mermaid" });
