import { Modal } from "@mantine/core";
import { useId, useState } from "react";
import { Icon, type IconName } from "../design/icons";
import { Kbd } from "../design/parts";
import css from "./palette.module.css";

export interface Command {
  id: string;
  label: string;
  group: string;
  icon?: IconName;
  keys?: string;
  act: () => void;
}

/** Commands whose words all occur, those that begin with the text first. */
export function matching(commands: readonly Command[], text: string): Command[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return commands
    .filter((command) =>
      words.every((word) => `${command.group} ${command.label}`.toLowerCase().includes(word)),
    )
    .sort((a, b) => rank(a, words) - rank(b, words));
}

const rank = (command: Command, words: string[]) =>
  words[0] && command.label.toLowerCase().startsWith(words[0]) ? 0 : 1;

export function Palette(props: { commands: readonly Command[]; opened: boolean; close: () => void }) {
  return (
    <Modal.Root
      opened={props.opened}
      onClose={props.close}
      padding={0}
      size={560}
      yOffset="12vh"
      centered={false}
    >
      <Modal.Overlay />
      <Modal.Content aria-label="Go to">
        <Modal.Body className="bare">{props.opened && <Finder {...props} />}</Modal.Body>
      </Modal.Content>
    </Modal.Root>
  );
}

function Finder({ commands, close }: { commands: readonly Command[]; close: () => void }) {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const list = useId();
  const found = matching(commands, text);
  const chosen = Math.min(at, found.length - 1);
  const run = (command: Command | undefined) => {
    if (!command) return;
    close();
    command.act();
  };
  return (
    <div>
      <div className={css.finder}>
        <Icon name="search" />
        <input
          data-autofocus
          role="combobox"
          aria-expanded="true"
          aria-controls={list}
          aria-activedescendant={found[chosen] ? `${list}-${chosen}` : undefined}
          aria-label="Go to"
          placeholder="Go to a screen, project or environment"
          value={text}
          onChange={(event) => {
            setText(event.target.value);
            setAt(0);
          }}
          onKeyDown={(event) => {
            if (event.key === "ArrowDown") setAt(Math.min(chosen + 1, found.length - 1));
            else if (event.key === "ArrowUp") setAt(Math.max(chosen - 1, 0));
            else if (event.key === "Enter") run(found[chosen]);
            else return;
            event.preventDefault();
          }}
        />
      </div>
      <div id={list} role="listbox" aria-label="Matches" className={css.found}>
        {found.map((command, index) => (
          <div
            key={command.id}
            id={`${list}-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === chosen}
            onMouseMove={() => setAt(index)}
            onMouseDown={(event) => {
              event.preventDefault();
              run(command);
            }}
          >
            <Icon name={command.icon ?? "chevron"} />
            <span>{command.label}</span>
            <small>{command.group}</small>
            {command.keys && <Kbd>{command.keys}</Kbd>}
          </div>
        ))}
        {found.length === 0 && <p>Nothing is called that.</p>}
      </div>
    </div>
  );
}
