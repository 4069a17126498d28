// Addresses count versions 1, 2, 3; the API knows them by id. The way from one to the other, remembered.
import { get } from "@shared/api/client";
import { ApiFailure } from "@shared/api/failure";
import type { List, Version } from "@shared/api/types";

const idByNumber = new Map<string, string>();
const PAGE = 200;

export async function findVersion(project: string, text: string, signal: AbortSignal): Promise<Version> {
  if (!/^\d{1,9}$/.test(text)) throw unknown(text);
  const number = Number(text);
  const known = idByNumber.get(`${project} ${number}`);
  return known ? get<Version>(`/api/v1/versions/${known}`, signal) : searchBack(project, number, signal);
}

/** Newest first, page by page, until the number is met or passed. */
async function searchBack(project: string, number: number, signal: AbortSignal): Promise<Version> {
  for (let before: string | null = ""; before !== null; ) {
    const url: string = `/api/v1/projects/${project}/versions?limit=${PAGE}${before && `&before=${before}`}`;
    const page = await get<List<Version>>(url, signal);
    for (const version of page.items) idByNumber.set(`${project} ${version.number}`, version.id);
    const found = page.items.find((version) => version.number === number);
    if (found) return found;
    before = (page.items.at(-1)?.number ?? 0) > number ? page.next : null;
  }
  throw unknown(String(number));
}

const unknown = (text: string) =>
  new ApiFailure(
    404,
    "version.unknown",
    `There is no version ${text}`,
    "Choose one from the list of versions.",
  );
