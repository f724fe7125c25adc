// Not run yet: lora4j's own CI has no Gradle.
plugins {
    application
}

repositories {
    mavenLocal()
    mavenCentral()
}

dependencies {
    implementation(platform("io.github.lora4j:lora4j-bom:0.1.0-SNAPSHOT"))
    implementation("io.github.lora4j:lora4j-facade")
}

java {
    toolchain {
        languageVersion = JavaLanguageVersion.of(25)
    }
}

sourceSets {
    main {
        java.srcDir("../java-maven/src/main/java")
    }
}

application {
    mainClass = "com.example.FineTune"
    applicationDefaultJvmArgs = listOf("--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED")
}
