import { useEffect, useState } from "react";
import css from "./copy.module.css";
import { shortId } from "./format";
import { Icon } from "./icons";
import { cx } from "./parts";

export function Copy({ text, what }: { text: string; what: string }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 1_500);
    return () => clearTimeout(timer);
  }, [copied]);
  return (
    <button
      type="button"
      className={cx(css.copy, copied && css.copied)}
      aria-label={copied ? "Copied" : `Copy ${what}`}
      title={`Copy ${what}`}
      onClick={(event) => {
        event.preventDefault();
        event.stopPropagation();
        void navigator.clipboard.writeText(text).then(() => setCopied(true));
      }}
    >
      <Icon name={copied ? "check" : "copy"} size={14} />
    </button>
  );
}

/** One line of shell to copy. */
export function CopyLine({ text }: { text: string }) {
  return (
    <div className={css.copyLine}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long command scrolls, so it must be reachable */}
      <code tabIndex={0}>{text}</code>
      <Copy text={text} what={text} />
    </div>
  );
}

/** An id: its last letters, the whole on hover and copied whole. */
export function Id({ id }: { id: string }) {
  return (
    <span className={css.id} title={id}>
      {shortId(id)}
      <Copy text={id} what={id} />
    </span>
  );
}
