import type { Problem } from "../api/types";
import { Copy } from "../design/Copy";
import css from "./problems.module.css";

/** What stands in the way of a build: where, what, and what to do. */
export function Problems({ problems }: { problems: Problem[] }) {
  return (
    <ul>
      {problems.map((problem) => (
        <li key={`${problem.code}${problem.where}${problem.message}`} className={css.problem}>
          <strong>{problem.message}</strong>
          {problem.hint && <em>{problem.hint}</em>}
          <div>
            <span>
              {problem.where && (
                <>
                  <code>{problem.where}</code>
                  <Copy text={problem.where} what="place" />
                </>
              )}
            </span>
            <code>{problem.code}</code>
          </div>
        </li>
      ))}
    </ul>
  );
}
