// The page's scripts run in the order of their names after base.js, each adding to one object; tests
// are modules of Node.js.
import js from "@eslint/js";

const browser = [
  "Blob",
  "Image",
  "ResizeObserver",
  "URL",
  "XMLSerializer",
  "document",
  "getComputedStyle",
  "location",
  "matchMedia",
  "setTimeout",
];
const readable = (names) => Object.fromEntries(names.map((name) => [name, "readonly"]));
const rules = {
  curly: ["error", "multi-line"],
  eqeqeq: "error",
  "no-implicit-globals": "off",
  "no-restricted-properties": [
    "error",
    ...["innerHTML", "outerHTML", "insertAdjacentHTML"].map((property) => ({
      property,
      message: "names from data must stay text: use textContent",
    })),
  ],
  "no-shadow": "error",
  "no-var": "error",
  "prefer-const": "error",
  strict: ["error", "global"],
};

export default [
  js.configs.recommended,
  {
    files: ["report/*.js"],
    languageOptions: {
      ecmaVersion: 2022,
      sourceType: "script",
      globals: readable([...browser, "d3", "raie"]),
    },
    rules: { ...rules, "no-restricted-syntax": ["error", "CallExpression[callee.property.name='html']"] },
  },
  {
    files: ["report/base.js"],
    languageOptions: { globals: { raie: "off" } },
  },
  {
    files: ["tests/*.js", "*.config.js"],
    languageOptions: {
      ecmaVersion: 2022,
      sourceType: "module",
      globals: readable(["URL", "process", "document", "getComputedStyle", "window"]),
    },
    rules: { ...rules, strict: "off" },
  },
];
