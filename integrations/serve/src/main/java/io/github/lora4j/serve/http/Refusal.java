package io.github.lora4j.serve.http;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.vector.BackendException;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.Lora4jException;
import io.github.lora4j.vector.Names;
import io.github.lora4j.vector.ResourceException;
import io.github.lora4j.vector.TrainingException;
import java.util.Objects;

/** An error as a client sees it: a status and OpenAI's object. It leaves no server. */
public final class Refusal extends RuntimeException {

  private static final long serialVersionUID = 1;
  private static final String INVALID = "invalid_request_error";

  private final int status;
  private final String type;
  private final String code;
  private final String param;

  private Refusal(int status, String type, String code, String param, String message) {
    super(Names.printableLines(message), null, false, false);
    this.status = status;
    this.type = type;
    this.code = code;
    this.param = param;
  }

  /** 400: a key of the body is wrong; "" for the body as a whole. */
  public static Refusal invalid(String key, String message) {
    return new Refusal(400, INVALID, "", key, message);
  }

  /** 400 with a code of its own. */
  public static Refusal invalid(String key, String code, String message) {
    return new Refusal(400, INVALID, code, key, message);
  }

  /** Any other status that is the client's to mend. */
  public static Refusal of(int status, String code, String message) {
    return new Refusal(status, INVALID, code, "", message);
  }

  /** 404: no model of this name. */
  public static Refusal noModel(String message) {
    return new Refusal(404, INVALID, "model_not_found", "model", message);
  }

  /** 503: too much at a time, or about to end. */
  public static Refusal busy(String message) {
    return new Refusal(503, "server_error", "overloaded", "", message);
  }

  /** 504: it took longer than it may. */
  public static Refusal late(String message) {
    return new Refusal(504, "server_error", "timeout", "", message);
  }

  /** 500: not the client's fault. */
  public static Refusal failed(String message) {
    return new Refusal(500, "server_error", "", "", message);
  }

  /** What lora4j's own errors are to a client who caused them. */
  public static Refusal of(Lora4jException error) {
    return switch (error) {
      case ConfigException e -> invalid("", e.getMessage());
      case FormatException e -> invalid("", e.getMessage());
      case ResourceException e -> new Refusal(503, "server_error", "out_of_resources", "", e.getMessage());
      case BackendException e -> failed(e.getMessage());
      case TrainingException e -> failed(e.getMessage());
    };
  }

  /** The status. */
  public int status() {
    return status;
  }

  @Override
  public String getMessage() {
    return Objects.requireNonNull(super.getMessage());
  }

  /** OpenAI's object. */
  public ObjectNode json() {
    ObjectNode root = JsonNodeFactory.instance.objectNode();
    ObjectNode error = root.putObject("error").put("message", getMessage()).put("type", type);
    put(error, "param", param);
    put(error, "code", code);
    return root;
  }

  private static void put(ObjectNode error, String key, String value) {
    if (value.isEmpty()) {
      error.putNull(key);
    } else {
      error.put(key, value);
    }
  }
}
