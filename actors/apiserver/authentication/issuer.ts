/** Of the tokens of service accounts, unless another one is named. */
export const DEFAULT_ISSUER = 'https://kubernetes.default.svc.cluster.local';
