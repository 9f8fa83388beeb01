/** Of the bytes that decide. Source: net/http sniff.go sniffLen. */
const SNIFFED_BYTES = 512;
const BLANK = /^[\t\n\f\r ]*/;
const HTML = /^<(?:!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p)[ >]|^<!--/i;
const SIGNATURES: readonly (readonly [string, string])[] = [
  ['%PDF-', 'application/pdf'],
  ['%!PS-Adobe-', 'application/postscript'],
  ['\x89PNG\r\n\x1a\n', 'image/png'],
  ['GIF87a', 'image/gif'],
  ['GIF89a', 'image/gif'],
  ['\xff\xd8\xff', 'image/jpeg'],
  ['PK\x03\x04', 'application/zip'],
  ['\x1f\x8b\x08', 'application/x-gzip'],
];
// eslint-disable-next-line no-control-regex
const BINARY = /[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]/;

/** What a body is whose server does not say. Source: net/http DetectContentType; of its signatures the common ones. */
export function sniff(body: Uint8Array): string {
  const start = Buffer.from(body.buffer, body.byteOffset, Math.min(body.length, SNIFFED_BYTES)).toString('latin1');
  const text = start.slice(BLANK.exec(start)![0].length);
  if (HTML.test(text)) return 'text/html; charset=utf-8';
  if (text.startsWith('<?xml')) return 'text/xml; charset=utf-8';
  for (const [signature, type] of SIGNATURES) if (start.startsWith(signature)) return type;
  return BINARY.test(start) ? 'application/octet-stream' : 'text/plain; charset=utf-8';
}
