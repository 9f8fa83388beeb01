/** From this power of ten on Go's shortest form has an exponent. */
const SHORTEST = 6;
/** A double as Go's %g and %v print it. */
export function goDouble(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const [, sign, lead, rest = '', power] = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(value.toExponential())!;
  const exponent = Number(power);
  const digits = lead + rest;
  if (exponent < -4 || exponent >= SHORTEST) return scientific(sign!, digits, exponent);
  return value.toFixed(Math.max(0, digits.length - 1 - exponent));
}
const scientific = (sign: string, digits: string, exponent: number): string =>
  `${sign}${digits[0]}${digits.length > 1 ? `.${digits.slice(1)}` : ''}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
