import { Modal } from "@mantine/core";
import { Button, Note } from "@shared/design/parts";
import { useState } from "react";

/** A button that asks before it deletes. */
export function Confirm(props: {
  label: string;
  question: string;
  act: () => void;
  children?: React.ReactNode;
}) {
  const [asking, setAsking] = useState(false);
  return (
    <>
      <Button look="danger" size="small" onClick={() => setAsking(true)}>
        {props.label}
      </Button>
      <Modal opened={asking} onClose={() => setAsking(false)} title={props.label}>
        <Note tone="wait">{props.question}</Note>
        <div style={{ display: "flex", justifyContent: "flex-end", gap: 8, marginTop: 16 }}>
          <Button onClick={() => setAsking(false)}>Keep</Button>
          <Button
            look="danger"
            onClick={() => {
              setAsking(false);
              props.act();
            }}
          >
            {props.label}
          </Button>
        </div>
      </Modal>
    </>
  );
}
