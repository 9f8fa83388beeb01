/** A parameter that is not escaped well, or with a semicolon, is left out. Source: Go net/url parseQuery. */
export function parseQuery(text: string): URLSearchParams {
  if (!UNREADABLE.test(text)) return new URLSearchParams(text);
  return new URLSearchParams(
    text
      .split('&')
      .filter((part) => !UNREADABLE.test(part))
      .join('&'),
  );
}
const UNREADABLE = /%(?![\da-fA-F]{2})|;/;
