import css from "./runs.module.css";

const SHORT: Record<string, string> = {
  python: "PY",
  node: "JS",
  typescript: "TS",
  javascript: "JS",
  go: "GO",
};

export function Language({ language }: { language: string | null }) {
  if (!language) return null;
  return (
    <span className={css.language} title={language}>
      {SHORT[language] ?? language.slice(0, 2).toUpperCase()}
    </span>
  );
}
