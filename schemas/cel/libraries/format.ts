import { dns1035Label, labelValue, nameIsLabel, nameIsSubdomain, qualifiedName } from '../../meta/names.ts';
import { formatCheck } from '../../structural/formats.ts';
import type { CelError } from '../values.ts';
import { CelArray, CelOpaque, CelOptional, noSuchOverload, type CelValue } from '../values.ts';
import { isA, isString, overload, type CelLibrary } from './kinds.ts';
import { requestUriProblem } from './url.ts';

type Check = (text: string) => readonly string[];
/** A format by name: it says what is wrong with a text. */
export class CelFormat extends CelOpaque {
  override readonly typeName = 'kubernetes.NamedFormat';
  readonly name: string;
  readonly check: Check;
  /** As long as the regular expression that stands for it may be: what validating costs depends on it. */
  readonly patternSize: number;
  constructor(name: string, patternSize: number, check: Check) {
    super();
    this.name = name;
    this.patternSize = patternSize;
    this.check = check;
  }
  equals(other: CelValue): boolean | CelError {
    return other instanceof CelFormat ? this.name === other.name : noSuchOverload();
  }
}
const must =
  (format: string, otherwise: string): Check =>
  (text) => (formatCheck(format)!(text) ? [] : [otherwise]); // prettier-ignore
/** What a prefix of names must be: it may end in what a name may not. */
const dns1035Prefix = (text: string): readonly string[] => dns1035Label(text.endsWith('-') ? `${text.slice(0, -1)}a` : text); // prettier-ignore

/** Source: apiserver pkg/cel/library/format.go ConstantFormats. */
const NAMED: Readonly<Record<string, CelFormat>> = {
  dns1123Label: new CelFormat('DNS1123Label', 30, (text) => nameIsLabel(text, false)),
  dns1123Subdomain: new CelFormat('DNS1123Subdomain', 60, (text) => nameIsSubdomain(text, false)),
  dns1035Label: new CelFormat('DNS1035Label', 30, dns1035Label),
  qualifiedName: new CelFormat('QualifiedName', 60, qualifiedName),
  dns1123LabelPrefix: new CelFormat('DNS1123LabelPrefix', 30, (text) => nameIsLabel(text, true)),
  dns1123SubdomainPrefix: new CelFormat('DNS1123SubdomainPrefix', 60, (text) => nameIsSubdomain(text, true)),
  dns1035LabelPrefix: new CelFormat('DNS1035LabelPrefix', 30, dns1035Prefix),
  labelValue: new CelFormat('LabelValue', 40, labelValue),
  uri: new CelFormat('URI', 1103, (text) => {
    const problem = requestUriProblem(text);
    return problem === undefined ? [] : [problem];
  }),
  uuid: new CelFormat('uuid', 70, must('uuid', 'does not match the UUID format')),
  byte: new CelFormat('byte', 84, must('byte', 'invalid base64')),
  date: new CelFormat('date', 71, must('date', 'invalid date')),
  datetime: new CelFormat('datetime', 71, must('date-time', 'invalid datetime')),
};
function validate({ check }: CelFormat, text: string): CelValue {
  const problems = check(text);
  return problems.length === 0 ? CelOptional.none : new CelOptional(new CelArray([...problems]));
}
export const formats: CelLibrary = {
  validate: [overload('format-validate', [isA(CelFormat), isString], validate)],
  'format.named': [
    overload('format-named', [isString], (name: string) => Object.hasOwn(NAMED, name) ? new CelOptional(NAMED[name]) : CelOptional.none), // prettier-ignore
  ],
  ...Object.fromEntries(
    Object.entries(NAMED).map(([name, format]) => [`format.${name}`, [overload(`format.${name}`, [], () => format)]]),
  ),
};
