// A Hub without a mail server keeps its mail here, for whoever tries it out. In production there is no such page.
import { get } from "@shared/api/client";
import type { List } from "@shared/api/types";
import { Loaded } from "@shared/design/Loaded";
import { Page, PageHead, Panel } from "@shared/design/parts";
import { Empty } from "@shared/design/states";
import { When } from "@shared/design/When";
import { useQuery } from "@tanstack/react-query";
import css from "./accounts.module.css";

interface Mail {
  to: string[];
  subject: string;
  text: string;
  sent_at: string;
}

/** Whether this Hub's mail goes there: its page says so. */
export const keepsMail = () => document.querySelector('meta[name="wistro-mail"]') !== null;

export function MailHint() {
  if (!keepsMail()) return null;
  return (
    <p className="quiet">
      This Hub has no mail server; its mail is in{" "}
      <a className="link" href="/outbox" target="_blank" rel="noreferrer">
        the outbox
      </a>
      .
    </p>
  );
}

export function Outbox() {
  const query = useQuery({
    queryKey: ["outbox"],
    queryFn: ({ signal }) => get<List<Mail>>("/api/v1/outbox", signal),
    refetchInterval: 2_000, // nothing tells of mail, and somebody waits for it
  });
  return (
    <Page>
      <PageHead title="Outbox" about="Mail that this Hub would send if it had a mail server, newest first." />
      <Loaded query={query}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="No mail yet">Codes for signing up and for new passwords appear here.</Empty>
          ) : (
            items.map((mail) => (
              <Panel
                key={`${mail.sent_at}${mail.to.join()}`}
                title={`${mail.subject}, to ${mail.to.join(", ")}`}
                side={<When at={mail.sent_at} />}
              >
                <pre className={css.mail}>{mail.text}</pre>
              </Panel>
            ))
          )
        }
      </Loaded>
    </Page>
  );
}
