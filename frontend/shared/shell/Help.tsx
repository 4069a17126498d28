import { Modal } from "@mantine/core";
import { Kbd } from "../design/parts";
import type { Shortcut } from "./keys";
import css from "./palette.module.css";

const EVERYWHERE: [string, string][] = [
  ["j / k", "Next and previous in a list"],
  ["Enter", "Open what is chosen"],
  ["Esc", "Close, or leave a field"],
];

export function Help(props: { shortcuts: readonly Shortcut[]; opened: boolean; close: () => void }) {
  const rows: [string, string][] = [
    ...props.shortcuts.map((each): [string, string] => [each.keys, each.label]),
    ...EVERYWHERE,
  ];
  return (
    <Modal opened={props.opened} onClose={props.close} title="Keyboard" size={440}>
      <dl className={css.help}>
        {rows.map(([keys, label]) => (
          <div key={keys}>
            <dt>{label}</dt>
            <dd>
              {keys.split(" ").map((key) => (
                <Kbd key={key}>{key.replace("mod+", "⌘/Ctrl ")}</Kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </Modal>
  );
}
