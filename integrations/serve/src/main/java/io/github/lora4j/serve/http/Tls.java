package io.github.lora4j.serve.http;

import io.github.lora4j.vector.ConfigException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;

/** Certificates for HTTPS. */
public final class Tls {

  private static final Pattern KEY = Pattern.compile("-----BEGIN PRIVATE KEY-----([A-Za-z0-9+/=\\s]+)-----END PRIVATE KEY-----");

  private Tls() {}

  /** Of a PKCS12 file, as keytool and openssl write it. */
  public static SSLContext pkcs12(Path file, String password) {
    try {
      KeyStore store = KeyStore.getInstance("PKCS12");
      store.load(new ByteArrayInputStream(Files.readAllBytes(file)), password.toCharArray());
      return context(store, password);
    } catch (IOException | GeneralSecurityException e) {
      throw new ConfigException("%s cannot be used as a PKCS12 file of a certificate and its key: %s".formatted(file, e.getMessage()), e);
    }
  }

  /** Of two PEM files: the certificate with those that vouch for it, and its key, in PKCS8 without a password. */
  public static SSLContext pem(Path certificates, Path key) {
    try {
      List<Certificate> chain = List.copyOf(CertificateFactory.getInstance("X.509").generateCertificates(new ByteArrayInputStream(
          Files.readAllBytes(certificates))));
      Matcher found = KEY.matcher(Files.readString(key, StandardCharsets.US_ASCII));
      if (chain.isEmpty() || !found.find()) {
        throw new ConfigException(("%s must hold certificates and %s a key that begins with -----BEGIN PRIVATE KEY-----; "
            + "`openssl pkcs8 -topk8 -nocrypt` makes one").formatted(certificates, key));
      }
      KeyStore store = KeyStore.getInstance("PKCS12");
      store.load(null, null);
      store.setKeyEntry("server", key(Base64.getMimeDecoder().decode(found.group(1)), chain.getFirst()), new char[0],
          chain.toArray(new Certificate[0]));
      return context(store, "");
    } catch (IOException | GeneralSecurityException e) {
      throw new ConfigException("%s and %s cannot be used as a certificate and its key: %s".formatted(certificates, key, e.getMessage()), e);
    }
  }

  private static PrivateKey key(byte[] bytes, Certificate of) throws GeneralSecurityException {
    try {
      return KeyFactory.getInstance(of.getPublicKey().getAlgorithm()).generatePrivate(new PKCS8EncodedKeySpec(bytes));
    } catch (InvalidKeySpecException e) {
      throw new InvalidKeySpecException("the key is not that of the certificate, which has one of " + of.getPublicKey().getAlgorithm(), e);
    }
  }

  private static SSLContext context(KeyStore store, String password) throws GeneralSecurityException {
    KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    keys.init(store, password.toCharArray());
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(keys.getKeyManagers(), null, null);
    return context;
  }
}
