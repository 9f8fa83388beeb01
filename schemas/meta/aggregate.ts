/** Several errors as Go prints them as one: repetitions once, more than one in brackets. Source: apimachinery pkg/util/errors aggregate.Error. */
export function aggregate(texts: readonly string[]): string {
  const unique = [...new Set(texts)];
  return unique.length === 1 ? unique[0]! : `[${unique.join(', ')}]`;
}
