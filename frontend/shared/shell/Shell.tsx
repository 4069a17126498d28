// The frame of every signed-in screen: bar, side, help, palette. What stands in it comes from the app.
import { type ReactNode, useMemo, useState } from "react";
import { Icon, type IconName } from "../design/icons";
import { Bar } from "./Bar";
import { Go, useGo } from "./Go";
import { Help } from "./Help";
import { type Shortcut, useShortcuts } from "./keys";
import { type Command, Palette } from "./Palette";
import { Stale } from "./Stale";
import css from "./shell.module.css";

export interface NavLink {
  to: string;
  label: string;
  icon: IconName;
  keys?: string;
  exact?: boolean;
}

export interface NavGroup {
  label?: string;
  head?: ReactNode;
  links: NavLink[];
}

interface ShellProps {
  crumbs: ReactNode;
  groups: NavGroup[];
  foot?: ReactNode;
  end?: ReactNode;
  commands?: Command[];
  children: ReactNode;
}

export function Shell({ crumbs, groups, foot, end, commands = [], children }: ShellProps) {
  const go = useGo();
  const [menu, setMenu] = useState(false);
  const [palette, setPalette] = useState(false);
  const [help, setHelp] = useState(false);
  const links = useMemo(() => groups.flatMap((group) => group.links), [groups]);
  const shortcuts = useMemo<Shortcut[]>(
    () => [
      { keys: "mod+k", label: "Go to anything", act: () => setPalette(true) },
      { keys: "/", label: "Search this screen", act: focusSearch },
      { keys: "?", label: "This help", act: () => setHelp(true) },
      ...links.flatMap(({ keys, label, to }) => (keys ? [{ keys, label, act: () => go(to) }] : [])),
    ],
    [links, go],
  );
  useShortcuts(shortcuts);
  const all = useMemo<Command[]>(
    () => [
      ...links.map((link) => ({ ...link, id: link.to, group: "Screen", act: () => go(link.to) })),
      ...commands,
    ],
    [links, commands, go],
  );
  return (
    <div className={css.shell}>
      <a className={css.skip} href="#main">
        Skip to the screen
      </a>
      <Bar crumbs={crumbs} end={end} openMenu={() => setMenu(!menu)} openPalette={() => setPalette(true)} />
      {menu && (
        <button type="button" aria-label="Close menu" className={css.scrim} onClick={() => setMenu(false)} />
      )}
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: the links inside are the controls; this closes the drawer after one */}
      <nav className={css.side} data-open={menu} aria-label="Screens" onClick={() => setMenu(false)}>
        {groups.map((group, index) => (
          <Group key={group.label ?? index} group={group} />
        ))}
        {foot && <div className={css.foot}>{foot}</div>}
      </nav>
      <main id="main" tabIndex={-1} className={css.main}>
        <Stale />
        {children}
      </main>
      <Palette commands={all} opened={palette} close={() => setPalette(false)} />
      <Help shortcuts={shortcuts} opened={help} close={() => setHelp(false)} />
    </div>
  );
}

function Group({ group }: { group: NavGroup }) {
  return (
    <>
      {group.label && <h2>{group.label}</h2>}
      {group.head}
      {group.links.map((link) => (
        <Go key={link.to} to={link.to} exact={link.exact} title={link.keys}>
          <Icon name={link.icon} />
          {link.label}
        </Go>
      ))}
    </>
  );
}

function focusSearch(): void {
  document.querySelector<HTMLElement>("[data-search]")?.focus();
}
