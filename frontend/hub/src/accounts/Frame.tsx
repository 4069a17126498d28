import { Note } from "@shared/design/parts";
import { Brand, ThemeButton } from "@shared/shell/Bar";
import type { ReactNode } from "react";
import css from "./accounts.module.css";

/** The frame of the screens before one is signed in. */
export function Frame(props: {
  title: string;
  lead?: ReactNode;
  wrong?: string | undefined;
  under?: ReactNode;
  children: ReactNode;
}) {
  return (
    <div className={css.frame}>
      <header className={css.top}>
        <Brand />
        <ThemeButton />
      </header>
      <main className={css.middle}>
        <div className={css.card}>
          <h1>{props.title}</h1>
          {props.lead && <p className={css.lead}>{props.lead}</p>}
          {props.wrong && <Note tone="bad">{props.wrong}</Note>}
          {props.children}
          {props.under && <p className={css.under}>{props.under}</p>}
        </div>
      </main>
    </div>
  );
}
