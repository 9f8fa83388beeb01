import type { World } from '../../../bus/world.ts';
import type { Probe } from '../../../schemas/generated/core-v1.ts';
import { goQuote } from '../../../schemas/meta/go-quote.ts';
import { grpcCode } from '../../grpc/client.ts';
import type { ContainerRuntime, ProbeKind, ProbeResult } from '../../runtime/interface.ts';
import { staticCommandOf } from '../environment/expansion.ts';
import { ProbeError, type Asked, type Handlers } from '../handlers.ts';
import { grpcProbe } from './network/grpc.ts';
import { httpGet, HttpFailure } from './network/http.ts';
import { httpTarget, portOf } from './network/target.ts';
import { tcpProbe } from './network/tcp.ts';

/** Source: prober.go maxProbeRetries. */
const TRIES = 3;
/** What a runtime has beyond a command's own time. Source: cri-client: the time of any call. */
const RUNTIME_MS = 120_000;
/** Of what a command said. Source: pkg/probe/exec maxReadLength. */
const MAX_OUTPUT = 10 * 1024;
/** Source: net/http: from 300 on an answer that leads elsewhere, from 400 on a bad one. */
const [OK, ELSEWHERE, BAD] = [200, 300, 400];

/** Makes probes of containers that can be reached. Source: kubelet prober.go. */
export function createProber(world: World, runtime: Pick<ContainerRuntime, 'probe'>): Handlers['probe'] {
  const { clock } = world;

  async function exec(
    { container, id }: Asked,
    kind: ProbeKind,
    probe: Probe,
    signal: AbortSignal,
  ): Promise<ProbeResult> {
    const seconds = probe.timeoutSeconds ?? 1;
    const command = staticCommandOf(probe.exec?.command ?? [], container.env);
    const late = (): ProbeResult => ({
      success: false,
      output: `command timed out: ${goQuote(command.join(' '))} timed out after ${seconds}s`,
    });
    // The runtime ends it in time; this is for one that hangs itself.
    const limit = new AbortController();
    const timer = clock.setTimeout(() => limit.abort(), seconds * 1_000 + RUNTIME_MS);
    try {
      const both = AbortSignal.any([signal, limit.signal]);
      const { success, output } = await runtime.probe(id, kind, { ...probe, exec: { command: [...command] } }, both);
      return { success, output: output.slice(0, MAX_OUTPUT) };
    } catch (error) {
      signal.throwIfAborted();
      if (limit.signal.aborted || grpcCode(error) === 'DeadlineExceeded') return late();
      throw error;
    } finally {
      clock.clearTimeout(timer);
    }
  }
  async function http({ container, ip }: Asked, probe: Probe, signal: AbortSignal): Promise<ProbeResult> {
    const target = httpTarget(probe.httpGet!, container, ip, 'probe');
    const timeoutMs = (probe.timeoutSeconds ?? 1) * 1_000;
    try {
      const { status, body } = await httpGet(clock, target, { timeoutMs, signal });
      if (status < OK || status >= BAD)
        return { success: false, output: `HTTP probe failed with statuscode: ${status}` };
      if (status >= ELSEWHERE)
        return { success: true, warning: true, output: `Probe terminated redirects, Response body: ${body}` };
      return { success: true, output: body };
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof HttpFailure) return { success: false, output: error.message };
      throw new ProbeError('failure', (error as Error).message, { cause: error });
    }
  }
  async function once(asked: Asked, kind: ProbeKind, probe: Probe, signal: AbortSignal): Promise<ProbeResult> {
    const options = { timeoutMs: (probe.timeoutSeconds ?? 1) * 1_000, signal };
    const { tcpSocket, grpc } = probe;
    if (probe.exec !== undefined) return exec(asked, kind, probe, signal);
    if (probe.httpGet !== undefined) return http(asked, probe, signal);
    if (tcpSocket !== undefined)
      return tcpProbe(
        clock,
        { host: tcpSocket.host || asked.ip, port: portOf(tcpSocket.port, asked.container) },
        options,
      );
    if (grpc !== undefined)
      return grpcProbe(clock, { host: asked.ip, port: grpc.port, service: grpc.service ?? '' }, options);
    const { name, namespace, uid } = asked.pod.metadata;
    throw new Error(`missing probe handler for ${name}_${namespace}(${uid}):${asked.container.name}`);
  }
  return async (asked, kind, probe, signal) => {
    for (let tries = 1; ; tries++) {
      try {
        return await once(asked, kind, probe, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (tries < TRIES) continue;
        throw error instanceof ProbeError
          ? error
          : new ProbeError('unknown', (error as Error).message, { cause: error });
      }
    }
  };
}
