// What stands where something will be, of the same size, so that nothing jumps when it comes.
import { Panel } from "./parts";
import css from "./states.module.css";

export function Skeleton({ width = "100%", height = 14 }: { width?: number | string; height?: number }) {
  return <span className={css.skeleton} style={{ width, height }} />;
}

export function Rows({ count = 6, height = 34 }: { count?: number; height?: number }) {
  return (
    <div role="status" aria-busy="true">
      <span className="sr">Loading</span>
      {Array.from({ length: count }, (_, index) => (
        <div
          key={index}
          style={{ height, display: "flex", alignItems: "center", gap: 16, padding: "0 16px" }}
        >
          <Skeleton width={64} />
          <Skeleton width={`${58 - ((index * 13) % 31)}%`} />
        </div>
      ))}
    </div>
  );
}

/** A whole screen on its way: its head and one panel, or two beside each other. */
export function Waiting({ columns = 1 }: { columns?: 1 | 2 }) {
  return (
    <>
      <div className={css.head}>
        <Skeleton width={260} height={24} />
        <Skeleton width={180} height={14} />
      </div>
      <div className={css.columns} data-columns={columns}>
        <Panel flush>
          <Rows count={8} />
        </Panel>
        {columns === 2 && (
          <Panel flush>
            <Rows count={5} />
          </Panel>
        )}
      </div>
    </>
  );
}
