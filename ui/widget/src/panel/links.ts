// Links in what people write. Only http and https become links; everything else stays text.

export type Piece = { text: string; href?: string };

const ADDRESS = /https?:\/\/[^\s<>"']+/gi;
const AFTERWARDS = /[.,:;!?)\]}»”’]+$/;

export function pieces(text: string): Piece[] {
  const out: Piece[] = [];
  let end = 0;
  for (const found of text.matchAll(ADDRESS)) {
    const address = found[0].replace(AFTERWARDS, "");
    const href = safe(address);
    if (!href) continue;
    if (found.index > end) out.push({ text: text.slice(end, found.index) });
    out.push({ text: address, href });
    end = found.index + address.length;
  }
  if (end < text.length) out.push({ text: text.slice(end) });
  return out;
}

// safe is the address when a browser may be sent there, else undefined.
export function safe(address: string, base?: string): string | undefined {
  try {
    const url = new URL(address, base);
    return url.protocol === "https:" || url.protocol === "http:" ? url.href : undefined;
  } catch {
    return undefined;
  }
}
