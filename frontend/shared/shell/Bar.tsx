import { useMantineColorScheme } from "@mantine/core";
import type { ReactNode } from "react";
import { Icon } from "../design/icons";
import { Kbd } from "../design/parts";
import { useLiveState } from "../live/react";
import { Go } from "./Go";
import css from "./shell.module.css";

export function Bar(props: {
  crumbs: ReactNode;
  end?: ReactNode;
  openMenu: () => void;
  openPalette: () => void;
}) {
  return (
    <header className={css.bar}>
      <button
        type="button"
        className={`${css.iconButton} ${css.menuButton}`}
        aria-label="Menu"
        onClick={props.openMenu}
      >
        <Icon name="menu" />
      </button>
      <Brand />
      <nav className={css.crumbs} aria-label="Where you are">
        {props.crumbs}
      </nav>
      <div className={css.spacer} />
      <LiveMark />
      <button type="button" className={css.find} onClick={props.openPalette}>
        <Icon name="search" />
        <span>Go to</span>
        <Kbd>{isMac ? "⌘ K" : "Ctrl K"}</Kbd>
      </button>
      <ThemeButton />
      {props.end}
    </header>
  );
}

export function Brand() {
  return (
    <Go to="/" className={css.brand} aria-label="wistro, first screen">
      <img src="/icon.svg" alt="" className={css.mark} />
      <span>wistro</span>
    </Go>
  );
}

const isMac = /Mac|iP/.test(navigator.platform);

const SAYS = { idle: "", connecting: "Connecting", open: "Live", waiting: "Reconnecting" };

function LiveMark() {
  const state = useLiveState();
  return (
    <span className={css.live} data-state={state} role="status" aria-label={SAYS[state] || "Not live"}>
      <i />
      <span>{SAYS[state]}</span>
    </span>
  );
}

const NEXT = { auto: "light", light: "dark", dark: "auto" } as const;

export function ThemeButton() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const label = `Theme: ${colorScheme === "auto" ? "as the system" : colorScheme}. Change`;
  return (
    <button
      type="button"
      className={css.iconButton}
      aria-label={label}
      title={label}
      onClick={() => setColorScheme(NEXT[colorScheme])}
    >
      <Icon name="theme" />
    </button>
  );
}
