import { Copy } from "./Copy";
import css from "./json.module.css";

const NAME = /^(\s*)("(?:[^"\\]|\\.)*")(: )(.*)$/;

/** A value as indented JSON, names tinted; always text, whatever it holds. */
export function Json({ value, label }: { value: unknown; label: string }) {
  const text = JSON.stringify(value, null, 2) ?? "null";
  return (
    <div className={css.box}>
      <Copy text={text} what={label} />
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard */}
      <pre tabIndex={0}>
        {text.split("\n").map((line, index) => {
          const [, space, name, colon, rest] = NAME.exec(line) ?? [];
          return (
            <span key={index}>
              {name ? (
                <>
                  {space}
                  <b>{name}</b>
                  {colon}
                  {rest}
                </>
              ) : (
                line
              )}
              {"\n"}
            </span>
          );
        })}
      </pre>
    </div>
  );
}
