// Our few icons: 16 px, one stroke, the colour of the text beside them.
const PATHS = {
  overview: "M2.5 2.5h4.5v6h-4.5zM9 2.5h4.5v3.5H9zM9 8h4.5v5.5H9zM2.5 10.5h4.5v3h-4.5z",
  versions: "M8 1.8 14 5 8 8.2 2 5zM2.3 8 8 11l5.7-3M2.3 11 8 14l5.7-3",
  traffic: "M2 8h3.5M5.5 8C8 8 8 3.5 11 3.5h3M5.5 8C8 8 8 12.5 11 12.5h3M12 1.5l2 2-2 2M12 10.5l2 2-2 2",
  flows: "M2 3h4v4H2zM10 9h4v4h-4zM6 5h3.5v6H10",
  runs: "M2 4h7M4.5 8h8M7 12h7",
  logs: "M2.5 3.5h11M2.5 6.5h8M2.5 9.5h11M2.5 12.5h5",
  endpoints:
    "M6.5 9.5 9.5 6.5M7 4.5l1.5-1.5a3.2 3.2 0 0 1 4.5 4.5L11.5 9M9 11.5 7.5 13A3.2 3.2 0 0 1 3 8.5L4.5 7",
  datasets:
    "M2.5 4c0-1.2 2.5-2 5.5-2s5.5.8 5.5 2-2.5 2-5.5 2-5.5-.8-5.5-2zM2.5 4v8c0 1.2 2.5 2 5.5 2s5.5-.8 5.5-2V4M2.5 8c0 1.2 2.5 2 5.5 2s5.5-.8 5.5-2",
  settings: "M2 4.5h7M12 4.5h2M2 11.5h2M7 11.5h7M10.5 3v3M5.5 10v3",
  fleet: "M2.5 2.5h11v4.5h-11zM2.5 9h11v4.5h-11zM5 4.7h.01M5 11.3h.01",
  problems: "M8 2 14.5 13.5h-13zM8 6.5v3.2M8 11.6h.01",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  check: "M3 8.5 6.5 12 13 4.5",
  search: "M7 2.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9zM10.3 10.3l3.2 3.2",
  chevron: "M6 3.5 10.5 8 6 12.5",
  down: "M3.5 6 8 10.5 12.5 6",
  close: "M4 4l8 8M12 4l-8 8",
  menu: "M2.5 4.5h11M2.5 8h11M2.5 11.5h11",
  theme: "M8 2.5a5.5 5.5 0 1 0 0 11zM8 2.5a5.5 5.5 0 0 1 0 11",
  plus: "M8 3v10M3 8h10",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  play: "M5 3.2 12.5 8 5 12.8z",
  wrap: "M2.5 4h11M2.5 8h9a2 2 0 0 1 0 4H8M9.8 10 7.8 12l2 2M2.5 12H5",
  lock: "M4 7.5h8v6H4zM5.5 7.5V5a2.5 2.5 0 0 1 5 0v2.5",
  unlock: "M4 7.5h8v6H4zM5.5 7.5V5a2.5 2.5 0 0 1 4.9-.7",
  clock: "M8 2.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11zM8 5v3.2l2 1.3",
  hand: "M8 2.2a2.3 2.3 0 1 1 0 4.6 2.3 2.3 0 0 1 0-4.6zM3 13.8c0-3 2-4.8 5-4.8s5 1.8 5 4.8",
  share: "M6 9.5 13.5 2.5M9 2.5h4.5V7M12 9.5v4H2.5V4h4",
  branch:
    "M4.5 5v6M4.5 2a1.5 1.5 0 1 1 0 3 1.5 1.5 0 0 1 0-3zM4.5 11a1.5 1.5 0 1 1 0 3 1.5 1.5 0 0 1 0-3zM11.5 4a1.5 1.5 0 1 1 0 3 1.5 1.5 0 0 1 0-3zM11.5 7c0 2.5-7 1.5-7 4",
  github: "",
} as const;

export type IconName = keyof typeof PATHS;

const GITHUB =
  "M8 .9a7.1 7.1 0 0 0-2.25 13.84c.36.07.49-.16.49-.35v-1.3c-1.98.43-2.4-.9-2.4-.9-.32-.83-.79-1.05-.79-1.05-.65-.44.05-.43.05-.43.71.05 1.09.73 1.09.73.64 1.09 1.67.78 2.07.6.07-.47.25-.79.46-.97-1.58-.18-3.24-.79-3.24-3.51 0-.78.28-1.41.73-1.91-.07-.18-.32-.9.07-1.88 0 0 .6-.19 1.96.73a6.8 6.8 0 0 1 3.56 0c1.36-.92 1.95-.73 1.95-.73.4.98.15 1.7.08 1.88.46.5.73 1.13.73 1.91 0 2.73-1.66 3.33-3.25 3.51.26.22.48.65.48 1.31v1.95c0 .19.13.42.49.35A7.1 7.1 0 0 0 8 .9z";

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  const solid = name === "github";
  return (
    <svg width={size} height={size} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path
        d={solid ? GITHUB : PATHS[name]}
        fill={solid ? "currentColor" : "none"}
        stroke={solid ? "none" : "currentColor"}
        strokeWidth="1.4"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}
