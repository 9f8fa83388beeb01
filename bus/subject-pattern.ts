/** Whether `subject` falls under `pattern` (`*` one token, `>` one or more at the end), as NATS decides it. */
export function subjectMatches(pattern: string, subject: string): boolean {
  if (!pattern.includes('*') && !pattern.includes('>')) return pattern === subject;
  const wanted = pattern.split('.');
  const tokens = subject.split('.');
  for (const [i, want] of wanted.entries()) {
    if (want === '>') return tokens.length > i;
    if (i >= tokens.length || (want !== '*' && want !== tokens[i])) return false;
  }
  return wanted.length === tokens.length;
}
