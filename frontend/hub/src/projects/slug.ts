/** A label as the Hub makes it from a name: [a-z0-9-], no `--`, at most 19 letters (a DNS label holds three). */
export function slugOf(name: string, length = 19): string {
  return name
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+/, "")
    .slice(0, length)
    .replace(/-+$/, "");
}
