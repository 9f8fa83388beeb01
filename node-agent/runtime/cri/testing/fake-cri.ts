import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Server, ServiceDefinition, UntypedHandleCall, UntypedServiceImplementation } from '@grpc/grpc-js';
import type { Fields } from '../../../grpc/schema.ts';
import { CRI, criSchema } from '../protocol.ts';

export interface FakeContainer {
  id: string;
  sandbox: string;
  config: Record<string, unknown> & { metadata: { name: string; attempt: number }; labels: Record<string, string> };
  state: 0 | 1 | 2 | 3;
  startedAt: number;
  finishedAt: number;
  exitCode: number;
  reason: string;
  message: string;
}
export interface FakeSandbox {
  id: string;
  config: {
    metadata: { name: string; uid: string; namespace: string; attempt: number };
    labels: Record<string, string>;
  };
  ready: boolean;
  ip: string;
}
/** Number of a gRPC code and what is said with it. */
export class Refusal extends Error {
  readonly code: number;
  constructor(code: number, details: string) {
    super(details);
    this.code = code;
  }
}
/** A container runtime that runs nothing: what it is told it keeps, and a test says what happens. */
export class FakeCri {
  readonly socket: string;
  readonly containers = new Map<string, FakeContainer>();
  readonly sandboxes = new Map<string, FakeSandbox>();
  images: { id: string; repoTags: string[]; repoDigests: string[]; size: number; username?: string; uid?: { value: number } }[] = []; // prettier-ignore
  /** Names of the calls that came, in order. */
  readonly calls: string[] = [];
  /** What a call is answered instead; a promise is waited for. */
  readonly instead = new Map<string, (request: Fields) => Fields | Promise<Fields>>();
  /** Which ways of telling what happens there are. */
  tells: 'nothing' | 'cri' | 'containerd' = 'nothing';
  readonly #folder = mkdtempSync(join(tmpdir(), 'fake-cri-'));
  readonly #streams = new Set<(message: Fields) => void>();
  #server: Server | undefined;
  #ids = 0;

  constructor() {
    this.socket = join(this.#folder, 'cri.sock');
  }
  async start(): Promise<void> {
    const { default: grpc } = await import('@grpc/grpc-js');
    const server = new grpc.Server();
    for (const service of ['/runtime.v1.RuntimeService/', '/runtime.v1.ImageService/', '/containerd.services.events.v1.Events/']) {
      const definition: Record<string, unknown> = {};
      const handlers: UntypedServiceImplementation = {};
      for (const { path, request, response } of Object.values(CRI)) {
        if (!path.startsWith(service)) continue;
        const name = path.slice(service.length);
        const isStream = name === 'GetContainerEvents' || name === 'Subscribe';
        definition[name] = {
          path,
          requestStream: false,
          responseStream: isStream,
          requestDeserialize: (bytes: Buffer) => criSchema.decode(request, bytes),
          responseSerialize: (value: Fields) => criSchema.encode(response, value),
        };
        if (isStream)
          handlers[name] = (call: { write(message: Fields): void; on(event: string, act: () => void): void; emit(event: string, error: unknown): void }) => {
            if ((this.tells === 'cri') !== (name === 'GetContainerEvents') || this.tells === 'nothing') return call.emit('error', { code: 12, details: 'unknown method' });
            const write = (message: Fields): void => call.write(message);
            this.#streams.add(write);
            call.on('cancelled', () => this.#streams.delete(write));
          };
        else
          handlers[name] = ((call: { request: Fields }, answer: (error: unknown, response?: Fields) => void) => {
            this.calls.push(name);
            Promise.resolve()
              .then(() => (this.instead.get(name) ?? ((r: Fields) => this.#answer(name, r)))(call.request))
              .then((response) => answer(null, response), (error: Refusal) => answer({ code: error.code ?? 2, details: error.message }));
          }) as UntypedHandleCall;
      }
      server.addService(definition as ServiceDefinition, handlers);
    }
    await new Promise<void>((resolve, reject) => server.bindAsync(`unix:${this.socket}`, grpc.ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve())));
    this.#server = server;
  }
  /** As if killed: connections break. */
  halt(): void {
    this.#server?.forceShutdown();
    this.#streams.clear();
    this.#server = undefined;
    rmSync(this.socket, { force: true });
  }
  stop(): void {
    this.halt();
    rmSync(this.#folder, { recursive: true, force: true });
  }
  get listeners(): number {
    return this.#streams.size;
  }
  exit(id: string, exitCode: number, o: { readonly reason?: string; readonly message?: string; readonly tell?: boolean } = {}): void {
    const c = this.containers.get(id)!;
    Object.assign(c, { state: 2, exitCode, finishedAt: c.startedAt + 5e9, reason: o.reason ?? (exitCode === 0 ? 'Completed' : 'Error'), message: o.message ?? '' });
    if (o.tell !== false) this.tell(id);
  }
  /** Tells that something has happened to a container or a sandbox. */
  tell(id: string): void {
    const event = { value: criSchema.encode('TaskEvent', { containerId: id, id }) };
    for (const write of this.#streams) write(this.tells === 'cri' ? { containerId: id, containerEventType: 2 } : { topic: '/tasks/exit', event });
  }
  #answer(name: string, r: Fields): Fields {
    const id = (r['containerId'] ?? r['podSandboxId']) as string;
    switch (name) {
      case 'Version':
        return { version: '0.1.0', runtimeName: 'fake', runtimeVersion: 'v1', runtimeApiVersion: 'v1' };
      case 'ListContainers':
        return { containers: [...this.containers.values()].map((c) => ({ id: c.id, podSandboxId: c.sandbox, metadata: c.config.metadata, state: c.state, labels: c.config.labels })) };
      case 'ListPodSandbox':
        return { items: [...this.sandboxes.values()].map((s) => ({ id: s.id, metadata: s.config.metadata, state: s.ready ? 0 : 1, labels: s.config.labels })) };
      case 'RunPodSandbox': {
        const sandbox: FakeSandbox = { id: `s${++this.#ids}`, config: r['config'] as FakeSandbox['config'], ready: true, ip: `10.0.0.${this.#ids}` };
        this.sandboxes.set(sandbox.id, sandbox);
        return { podSandboxId: sandbox.id };
      }
      case 'PodSandboxStatus': {
        const s = this.#find(this.sandboxes, id);
        return { status: { id, metadata: s.config.metadata, state: s.ready ? 0 : 1, network: { ip: s.ip, additionalIps: [] }, labels: s.config.labels } };
      }
      case 'StopPodSandbox':
        this.#find(this.sandboxes, id).ready = false;
        for (const c of this.containers.values()) if (c.sandbox === id && c.state === 1) this.exit(c.id, 137);
        return {};
      case 'RemovePodSandbox':
        for (const c of this.containers.values()) if (c.sandbox === id) this.containers.delete(c.id);
        this.sandboxes.delete(id);
        return {};
      case 'CreateContainer': {
        const c = { id: `c${++this.#ids}`, sandbox: id, config: r['config'] as FakeContainer['config'], state: 0 as const, startedAt: 0, finishedAt: 0, exitCode: 0, reason: '', message: '' };
        this.containers.set(c.id, c);
        return { containerId: c.id };
      }
      case 'StartContainer':
        Object.assign(this.#find(this.containers, id), { state: 1, startedAt: 1.7e18 });
        return {};
      case 'StopContainer':
        this.exit(id, 143);
        return {};
      case 'RemoveContainer':
        this.containers.delete(id);
        return {};
      case 'ContainerStatus': {
        const { config, ...c } = this.#find(this.containers, id);
        return { status: { ...config, ...c, id, createdAt: Number(id.slice(1)), image: { image: 'app:1' }, imageRef: 'sha256:1', logPath: '/nowhere/0.log' } };
      }
      case 'ListImages':
        return { images: this.images };
      case 'ImageStatus': {
        const { image } = r['image'] as { image: string };
        return { image: this.images.find((one) => one.id === image || one.repoTags.includes(image)) };
      }
      default:
        return {};
    }
  }
  #find<T>(all: Map<string, T>, id: string): T {
    const found = all.get(id);
    if (found === undefined) throw new Refusal(5, `an error occurred when try to find "${id}": not found`);
    return found;
  }
} // prettier-ignore
