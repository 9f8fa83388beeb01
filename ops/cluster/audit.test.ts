import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { adoptAudit, auditOf, checkAudit } from './audit.ts';

const dir = mkdtempSync(join(tmpdir(), 'audit-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const policy = join(dir, 'policy.yaml');
writeFileSync(policy, 'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: Metadata\n');

it('is off unless asked for, and wants both a policy and a place', async () => {
  expect(await auditOf(dir, {})).toBeUndefined();
  await expect(checkAudit({ auditPolicyFile: policy })).rejects.toThrow('go together');
  await expect(checkAudit({ auditPolicyFile: join(dir, 'none'), auditLogPath: '-' })).rejects.toThrow(
    /^loading audit policy file: failed to read file path .*: no such file or directory$/,
  );
});
it('is remembered for later starts of the cluster, and puts full files aside', async () => {
  const inFile = join(policy, 'audit.log');
  await expect(auditOf(dir, { auditPolicyFile: policy, auditLogPath: inFile })).rejects.toThrow(
    /failed to open audit log/,
  );
  const flags = { auditPolicyFile: policy, auditLogPath: join(dir, 'audit.log'), auditLogMaxsize: 1, auditLogMaxbackup: 1 }; // prettier-ignore
  await adoptAudit(dir, flags);
  rmSync(policy);
  const audit = (await auditOf(dir, {}))!;
  const line = 'x'.repeat(600 * 1024);
  for (const _ of [1, 2, 3, 4]) void audit.sink.write({ line, legacy: () => '' });
  const files = readdirSync(dir).filter((name) => name.startsWith('audit') && name.endsWith('.log'));
  expect(files).toHaveLength(2);
  expect(readFileSync(join(dir, 'audit.log'), 'utf8')).toBe(`${line}\n`);
});
