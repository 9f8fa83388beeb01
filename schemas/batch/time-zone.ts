const PART = /^[A-Za-z.\-_0-9+]{1,14}$/;

/** What is wrong with a time zone's name. Source: pkg/apis/batch/validation validateTimeZone. */
export function timeZoneProblem(zone: string): string | undefined {
  if (zone === '') return 'timeZone must be nil or non-empty string';
  const unknown = `unknown time zone ${zone}`;
  if (zone.split('/').some((p) => p === '.' || p === '..' || p.startsWith('-') || !PART.test(p))) return unknown;
  if (zone.toLowerCase() === 'local')
    return 'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones';
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions();
    // Go takes names as the files are called; Intl in any case.
    return /^[+-]/.test(zone) ? unknown : undefined;
  } catch {
    return unknown;
  }
}
