const formats = new Map<string, Intl.DateTimeFormat | null>();
/** More than there are zones. */
const MOST = 1000;

/** Seconds east of UTC in a named zone at a moment (seconds since the epoch); undefined when nobody knows the zone. */
export function zoneOffset(zone: string, at: number): number | undefined {
  if (zone === '' || zone === 'UTC' || zone === 'Local') return 0;
  let format = formats.get(zone);
  if (format === undefined) {
    format = formatOf(zone);
    if (formats.size > MOST) formats.clear();
    formats.set(zone, format);
  }
  if (format === null) return undefined;
  const parts: Record<string, string> = {};
  for (const { type, value } of format.formatToParts(new Date(at * 1000))) parts[type] = value;
  const year = parts['era'] === 'BC' ? 1 - Number(parts['year']) : Number(parts['year']);
  const local = new Date(0);
  local.setUTCFullYear(year, Number(parts['month']) - 1, Number(parts['day']));
  local.setUTCHours(Number(parts['hour']), Number(parts['minute']), Number(parts['second']));
  return local.getTime() / 1000 - at;
}
function formatOf(timeZone: string): Intl.DateTimeFormat | null {
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric',
      hour: 'numeric', minute: 'numeric', second: 'numeric', era: 'short',
    }); // prettier-ignore
  } catch {
    return null;
  }
}
