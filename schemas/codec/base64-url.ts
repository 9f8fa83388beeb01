/** Raw base64 of URLs, or where it is none. Source: Go encoding/base64 RawURLEncoding. */
export function decodeBase64Url(text: string): Buffer | number {
  const plain = text.replaceAll(/[\r\n]/g, '');
  const bad = /[^\w-]/.exec(text.replaceAll(/[\r\n]/g, 'A'));
  if (bad !== null) return bad.index;
  return plain.length % 4 === 1 ? text.length : Buffer.from(plain, 'base64url');
}
