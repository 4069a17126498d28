// Keyboard: single keys and two-key sequences ("g r"), off while someone types.
import { useEffect } from "react";

export interface Shortcut {
  keys: string; // "/", "g r", "mod+k"
  label: string;
  act: () => void;
}

const SEQUENCE_MS = 900;

export function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

/** What was pressed, in the spelling of `Shortcut.keys`. */
export function pressed(event: Pick<KeyboardEvent, "key" | "metaKey" | "ctrlKey" | "altKey">): string | null {
  if (event.altKey) return null;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  return event.metaKey || event.ctrlKey ? `mod+${key}` : key;
}

/** The next step of a sequence: the shortcut it ends in, or the prefix to wait on. */
export function advance(
  prefix: string,
  key: string,
  all: readonly string[],
): { hit: string } | { prefix: string } {
  const whole = prefix ? `${prefix} ${key}` : key;
  if (all.includes(whole)) return { hit: whole };
  if (all.some((keys) => keys.startsWith(`${whole} `))) return { prefix: whole };
  return prefix ? advance("", key, all) : { prefix: "" };
}

export function useShortcuts(shortcuts: readonly Shortcut[]): void {
  useEffect(() => {
    let prefix = "";
    let timer: ReturnType<typeof setTimeout> | undefined;
    const keys = shortcuts.map((shortcut) => shortcut.keys);
    const listen = (event: KeyboardEvent) => {
      const key = pressed(event);
      if (!key || event.defaultPrevented || (isTyping(event.target) && !key.startsWith("mod+"))) return;
      clearTimeout(timer);
      const next = advance(prefix, key, keys);
      prefix = "prefix" in next ? next.prefix : "";
      if ("hit" in next) {
        event.preventDefault();
        shortcuts.find((shortcut) => shortcut.keys === next.hit)?.act();
      } else if (prefix) timer = setTimeout(() => (prefix = ""), SEQUENCE_MS);
    };
    document.addEventListener("keydown", listen);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("keydown", listen);
    };
  }, [shortcuts]);
}
