/**
 * What the API server asks of a component that serves a group of the API, by session on `kubus.v1.extension.<component>`:
 * HTTP, as an aggregated server is asked. The first frame of the answer is its head, the others are its body.
 */
export type { NodeAnswerHead as ExtensionAnswerHead, NodeRequest as ExtensionRequest } from './node.ts';
