/** @peculiar/x509 with what it needs loaded first; 0.3 s, so it is imported only where keys are made. */
import 'reflect-metadata';

export * as x509 from '@peculiar/x509';
